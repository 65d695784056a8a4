#include "src/engine/pipeline_plan.h"

#include <charconv>

#include <fmt/format.h>

#include "src/spec/field_path.h"

namespace fumehood {
namespace {

std::string Below(const std::string& field, const std::string& rest) {
  if (rest.empty()) return field;
  return rest.starts_with('[') ? field + rest : field + "." + rest;
}

}  // namespace

std::string FieldInFile(const PipelineStep& step, const std::string& field) {
  constexpr std::string_view kInputs = "inputs[";
  if (!field.starts_with(kInputs)) return field;
  size_t index = 0;
  const char* const end = field.data() + field.size();
  const auto [rest, error] = std::from_chars(field.data() + kInputs.size(), end, index);
  if (error != std::errc() || index >= step.input_origins.size()) return field;
  return fmt::format("inputs[{}{}", step.input_origins[index], std::string(rest, end));
}

std::vector<std::vector<size_t>> NeededBy(const PipelinePlan& plan) {
  std::vector<std::vector<size_t>> needed_by(plan.steps.size());
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const size_t need : plan.steps[i].needs) needed_by[need].push_back(i);
  }
  return needed_by;
}

std::vector<size_t> LastSteps(const PipelinePlan& plan) {
  const std::vector<std::vector<size_t>> needed_by = NeededBy(plan);
  std::vector<size_t> last;
  for (size_t i = 0; i < needed_by.size(); ++i) {
    if (needed_by[i].empty()) last.push_back(i);
  }
  return last;
}

Problem PlacedInPipeline(const PipelineStep& step, Problem problem) {
  const std::string field = problem.field;
  problem.source = step.reading.source;
  if (step.reading.document) {
    const Node* node = FindByPath(*step.reading.document, field);
    problem.line = node->line;
    problem.column = node->column;
  }
  problem.field = Below(step.field, FieldInFile(step, field));
  return problem;
}

}  // namespace fumehood
