// Signals to this process as something to read, in a poll beside everything else.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// Blocks `signals` for this process from now on; the descriptor becomes readable when one has come.
Result<Fd> CatchSignals(const std::vector<int>& signals);

struct CaughtSignal {
  int number = 0;
  bool has_sender = false;  // false: the kernel sent it (a closed terminal)
  uid_t uid = 0;
  pid_t pid = 0;
};
std::optional<CaughtSignal> ReadSignal(const Fd& signals);

}  // namespace fumehood
