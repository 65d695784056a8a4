// Reads back from the kernel what is in force around a process of the run.
#pragma once

#include <sys/types.h>

#include "fumehood/run_result.h"
#include "src/hood/cgroup.h"
#include "src/hood/plan.h"

namespace fumehood {

// `pid`: the run's PID 1 as the keeper numbers it; it has the same seals as the analysis, which is its child.
// `namespaces`: as that process reported them. `box` and `plan`: what was walked ahead, and what for the run.
Isolation ProbeIsolation(pid_t pid, const uint64_t (&namespaces)[8], const RunCgroup* cgroup, const HoodPlan& box, const HoodPlan& plan);

}  // namespace fumehood
