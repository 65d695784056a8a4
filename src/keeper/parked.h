// Parked: a keeper with its box, before it has a run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "src/keeper/box.h"
#include "src/keeper/input_stream.h"
#include "src/keeper/parking_place.h"
#include "src/sys/message.h"

namespace fumehood {

struct Parked {
  BoxOrder order;
  RunDir run;        // staged; in runs/ from some moment before the second order on
  AttemptDir attempt;
  Fd signals;        // requests to end: SIGTERM, SIGINT, SIGQUIT. SIGHUP is blocked: a terminal's end is no request
  Result<void> made; // of the box; what failed is told by the run that was to go into it
  std::unique_ptr<Box> box;
  Fd input;          // of the analysis, once it is known
  InputStream stdin_file;
  Fd ledger;         // holds the lock of the run's slot
  std::optional<ParkingPlace> place;  // where a launcher that did not start this keeper finds it
};

// Receives the first order and makes the box. Tells "ready" once its first process has walked the box's steps, or has failed to.
Result<Parked> Park(const Fd& orders, const std::function<void(const std::string&)>& tell);

// The second order. Empty when none will come (the launcher has gone or has given up, or this process was asked to end): the box
// and the staged directory are gone then.
// A box that waits for whichever launcher is told by whom it was taken: `orders` is then that launcher's.
Result<std::optional<Message>> AwaitOrder(Fd& orders, Parked& parked, const std::function<void(const std::string&)>& tell);

}  // namespace fumehood
