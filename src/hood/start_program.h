// Starts a program in the run's own hood, from its first process.
#pragma once

#include <vector>

#include "src/hood/plan.h"

namespace fumehood {

struct StartedProgram {
  int pid = -1;
  int error = 0;  // why it could not be executed, or no process be made
};

// vfork and execve of the plan's command, in a session of its own, with `fds` as 0, 1, 2, ... and every signal at its default. They
// are all above the numbers that they become.
StartedProgram StartProgram(const HoodPlan& plan, const std::vector<int>& fds);

}  // namespace fumehood
