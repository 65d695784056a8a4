// NodeReader: a Node's values as the types that a field has, each mismatch a problem with its path and place. Used for specs
// and for the configuration.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/spec/problem_list.h"

namespace fumehood {

class NodeReader {
 public:
  explicit NodeReader(ProblemList& problems) : problems_(problems) {}

  // Each leaves `out` as it was and returns false where the value is of another type. A number or boolean where text is
  // wanted counts as it was written: `command: [sleep, 10]`.
  bool Text(const Node& node, const FieldPath& path, std::string& out);
  // As Text, but messages never show the value: it may be a password.
  bool PrivateText(const Node& node, const FieldPath& path, std::string& out);
  bool Whole(const Node& node, const FieldPath& path, int64_t& out);
  bool Number(const Node& node, const FieldPath& path, double& out);
  bool Flag(const Node& node, const FieldPath& path, bool& out);
  bool TextList(const Node& node, const FieldPath& path, std::vector<std::string>& out);
  bool TextMap(const Node& node, const FieldPath& path, std::map<std::string, std::string>& out);

  // Calls `read` for each entry of a map; a `null` entry is passed over as not said. `read` returns false for a name that it
  // does not know, which becomes a problem with the nearest of `names`.
  using EntryReader = std::function<bool(const Node& entry, const FieldPath& path)>;
  using NamesOf = std::vector<std::string> (*)();  // asked only when there is a problem
  bool Record(const Node& node, const FieldPath& path, NamesOf names, const EntryReader& read);

  void Report(const Node& node, const FieldPath& path, std::string message) { problems_.Add(path, node, std::move(message)); }
  void ReportUnknown(const Node& entry, const FieldPath& path, const std::vector<std::string>& names);
  ProblemList& problems() { return problems_; }

 private:
  ProblemList& problems_;  // not owned
};

}  // namespace fumehood
