// StartRun: puts one run into its box.
#pragma once

#include "src/keeper/box.h"

namespace fumehood {

// Makes and gives away what is this run's alone, sets its limits, and sends the first process its part of the plan. What fails
// from then on is told by that process.
Result<void> StartRun(const KeeperOrder& order, const AttemptDir& attempt, const Fd& stdin_fd, Box& box);

}  // namespace fumehood
