// What is known of a run right now: its result, or, while it goes on, what its spec and its keeper say.
#pragma once

#include <map>
#include <string>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

struct RunSight {
  RunResult result;
  std::map<std::string, std::string> labels;
};

// A run whose keeper has gone without a result is ended and recorded as lost by the look (src/executor/local/recover.h).
Result<RunSight> LookAtRun(const std::string& state_dir, const RunId& id);

}  // namespace fumehood
