// The runs that wait, as the index of runs wants them.
#pragma once

#include <string>

#include "src/store/store.h"

namespace fumehood {

WaitingRuns WaitingRunsOf(const std::string& state_dir);

}  // namespace fumehood
