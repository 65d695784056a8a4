// When a run that has no result yet was started.
#pragma once

#include <string>

#include "src/record/run_dir.h"

namespace fumehood {

// RFC 3339, of the last attempt's `started` event; "" where the analysis has not been executed.
std::string StartedAt(const RunDir& run);

}  // namespace fumehood
