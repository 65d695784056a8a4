#include "src/spec/problem_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
void ProblemList::Add(std::string field, std::string message, int line, int column) {
  if (full()) {
    ++left_out_;
    return;
  }
  problems_.push_back({std::move(field), std::move(message), source_, line, column});
}

void ProblemList::Add(const FieldPath& path, const Node& node, std::string message) {
  if (!full()) return Add(path.ToString(), std::move(message), node.line, node.column);
  ++left_out_;
}

void ProblemList::AddAtKey(const FieldPath& path, const Node& node, std::string message) {
  if (!full()) return Add(path.ToString(), std::move(message), node.key_line, node.key_column);
  ++left_out_;
}

std::vector<Problem> ProblemList::Take() {
  SortByPlace(problems_);
  if (left_out_ > 0) problems_.push_back({"", fmt::format("and {} more problems", left_out_), source_, 0, 0});
  left_out_ = 0;
  return std::exchange(problems_, {});
}

void SortByPlace(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
}

std::string ProblemText(const Problem& problem) {
  std::string text;
  if (!problem.source.empty()) {
    // A file name may hold anything; a plain one reads better without quotes.
    const std::string quoted = Quoted(problem.source);
    text = quoted == "'" + problem.source + "'" ? problem.source : quoted;
    if (problem.line > 0) text += fmt::format(":{}", problem.line);
    if (problem.line > 0 && problem.column > 0) text += fmt::format(":{}", problem.column);
    text += ": ";
  } else if (problem.line > 0) {
    text = fmt::format("line {}: ", problem.line);
  }
  if (!problem.field.empty()) text += problem.field + ": ";
  return text + problem.message;
}

Error ProblemsError(const std::string& what, std::vector<Problem> problems) {
  std::string message = problems.size() == 1 ? what + " has a problem" : fmt::format("{} has {} problems", what, problems.size());
  return Error(std::move(message), std::move(problems));
}

std::string NearestHint(std::string_view word, const std::vector<std::string>& candidates) {
  // The edit distance costs the product of the lengths: nobody misspells a name into a page of text.
  if (word.size() > 128) return "";
  const std::string nearest = NearestName(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

}  // namespace fumehood
