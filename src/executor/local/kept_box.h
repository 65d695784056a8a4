// KeptBox: a keeper that was started and makes a box, as its launcher sees it.
#pragma once

#include <string>

#include "src/executor/local/idle_keeper.h"
#include "src/keeper/order.h"
#include "src/record/run_dir.h"
#include "src/sys/fd.h"

namespace fumehood {

struct KeptBox {
  RunDir run;          // staged
  AttemptDir attempt;
  pid_t keeper = -1;   // a child of this process
  Fd stranger;         // valid: it is not, and this is its pidfd (src/executor/local/warm_start.h)
  Fd orders;           // to it; closing it gives the box up
  Fd news;             // its lines; their end: it has gone
  bool ready = false;
};

// Makes a staged run directory, and gives `order` to a keeper. Does not wait.
Result<KeptBox> StartBox(const BoxOrder& order, const std::string& token);
Result<KeptBox> StartBox(const BoxOrder& order, IdleKeeper keeper);

// Until the box stands, or the keeper knows why it cannot: that is the run's to tell.
Result<void> AwaitReady(KeptBox& box);

// Ends the keeper, and with it all that was made. Returns when that is done.
void GiveUp(KeptBox& box);

// Reads lines up to `wanted`. An error when the keeper says "failed", or ends.
Result<void> AwaitNews(const Fd& news, std::string_view wanted);

// BoxOrder's plan names the attempt directory so, since its token is not known before StartBox.
inline constexpr const char* kAttemptDir = "@attempt";

}  // namespace fumehood
