// One short run, made for real and removed without a trace: to see what this host gives it, or what a runtime says of itself.
#pragma once

#include <map>
#include <string>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/executor/local/resolve.h"

namespace fumehood {

struct TrialEnd {
  RunResult result;
  std::string out, err;  // what it printed, at most 1 MiB of each
  std::map<std::string, std::string> outputs;  // the files that the spec names so, no globs; the same bound
};

// In a state directory of its own beneath the configured one, hence on the same file system; its work directory is empty.
// `runtime`: used in place of the one that the spec names. An error: not even that could be begun.
Result<TrialEnd> MakeTrialRun(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const Runtime* runtime = nullptr);

}  // namespace fumehood
