// ProblemList: gathers the problems of one input, so that a user sees all of them at once.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/spec/document.h"
#include "src/spec/field_path.h"

namespace fumehood {

class ProblemList {
 public:
  explicit ProblemList(std::string source = {}) : source_(std::move(source)) {}

  void Add(std::string field, std::string message, int line = 0, int column = 0);
  void Add(const FieldPath& path, const Node& node, std::string message);
  void AddAtKey(const FieldPath& path, const Node& node, std::string message);  // the key itself is wrong

  bool empty() const { return problems_.empty(); }
  // Further problems are only counted: whoever would search for a hint can leave it.
  bool full() const { return problems_.size() == kMost; }
  // The problems in the order of their lines. Beyond a hundred, the rest is only counted.
  std::vector<Problem> Take();

 private:
  static constexpr size_t kMost = 100;  // a reader mends these first

  std::string source_;
  std::vector<Problem> problems_;
  size_t left_out_ = 0;
};

// Those without a line come first, in the order in which they were.
void SortByPlace(std::vector<Problem>& problems);

// "spec.yaml:3:7: cpu_quota: is 0; allowed: 0.01 to 4096".
std::string ProblemText(const Problem& problem);

// The error that carries `problems`: "WHAT has 2 problems".
Error ProblemsError(const std::string& what, std::vector<Problem> problems);

// "; did you mean 'x'?" when a candidate is near, else "".
std::string NearestHint(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace fumehood
