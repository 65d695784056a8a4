// ParsePipeline: from the text of a pipeline file to its plan. Every problem is found at once, each with its field and line: of the
// file, of each step's own spec, and of how the steps hang together.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/engine/pipeline_plan.h"

namespace fumehood {

// The names in a directory, for `foreach: {glob: ...}`; a relative one is meant from the directory of the file.
using ListNames = std::function<Result<std::vector<std::string>>(const std::string& directory)>;

struct PipelineReading {
  PipelinePlan plan;              // as far as it could be understood
  std::vector<Problem> problems;  // in the order of their lines
};

PipelineReading ReadPipeline(std::string_view text, Format format, const std::string& source, const Config& config, const ListNames& list);
Result<PipelinePlan> ParsePipeline(std::string_view text, Format format, const std::string& source, const Config& config, const ListNames& list);

// `problems` of one pipeline, each told once: what is wrong with a foreach is wrong with each of its steps.
std::vector<Problem> WithoutRepeats(std::vector<Problem> problems);

}  // namespace fumehood
