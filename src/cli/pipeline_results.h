// Brings the results of a pipeline, the outputs of its last steps, into a directory: with the rules of `apply`.
#pragma once

#include <string>

#include "src/cli/command.h"
#include "src/engine/pipeline_runner.h"

namespace fumehood {

// Before anything is started: can the directory be had? Makes nothing.
Result<void> CheckResultsDir(const std::string& directory);

// Exit code: 0, or kExitIncomplete where something was left or failed, which is told then.
Result<int> BringResults(const PipelinePlan& plan, const PipelineOutcome& outcome, const std::string& directory, bool force, Context& context);

}  // namespace fumehood
