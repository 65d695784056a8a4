// Rows of the runs that wait, from their queue files.
#pragma once

#include <string>

#include "src/store/store.h"

namespace fumehood {

WaitingRuns WaitingInQueue(const std::string& state_dir);

}  // namespace fumehood
