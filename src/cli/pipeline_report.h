// What `fumehood pipeline` says: while it runs, at its end, and of how a pipeline stands.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.h"
#include "src/engine/pipeline_runner.h"

namespace fumehood {

// How a step stands in one or two words: "up to date", "running", "to run", "waits", "failed".
std::string StandingWord(const StepStanding& standing);

std::string StandingReport(const PipelinePlan& plan, const std::vector<StepStanding>& standings, bool why, bool on_terminal);
std::string StandingJson(const PipelinePlan& plan, const PipelinePlace& place, const std::vector<StepStanding>& standings);

// A line for a step that has another state; empty for one that nobody waits to hear of.
std::string StepLine(const PipelinePlan& plan, const PipelineOutcome& outcome, size_t step, bool on_terminal);
// "3 of 12 steps done, 2 running: align[s1], align[s2]"
std::string ProgressText(const PipelinePlan& plan, const PipelineOutcome& outcome);

std::string OutcomeReport(const PipelinePlan& plan, const PipelineOutcome& outcome, const Config& config, const std::string& file, bool on_terminal);
std::string OutcomeJson(const PipelinePlan& plan, const PipelinePlace& place, const PipelineOutcome& outcome, const Config& config);

}  // namespace fumehood
