// The runs of a state directory.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

// In the order of their submission. What is no run directory is passed over; no state directory is no runs.
Result<std::vector<RunId>> ListRuns(const std::string& state_dir);

// What a person may type for a run: its id, the beginning of exactly one (lower case too), or "last" for the latest.
// kNotFound, or kInvalidArgument naming the first few that it may mean.
Result<RunId> FindRunId(const std::string& state_dir, const std::string& text);

}  // namespace fumehood
