// A pipeline as a picture: its steps, and an arrow from each step to those that need it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/pipeline_plan.h"

namespace fumehood {

enum class GraphFormat { kDot, kMermaid, kText };
std::optional<GraphFormat> ParseGraphFormat(std::string_view text);  // dot, mermaid, text

// How each step stands, as it is shown: "up to date", "to run", "waits", "running", "failed".
std::string PrintGraph(const PipelinePlan& plan, const std::vector<std::string>& states, GraphFormat format);

}  // namespace fumehood
