#include "src/config/retention.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace fumehood {
namespace {

struct RetentionKey {
  const char* name;
  int64_t highest;
  int64_t RetentionRule::*member;
};
constexpr RetentionKey kKeys[] = {
    {"older_than_days", 36500, &RetentionRule::older_than_days},
    {"max_runs", 1000000000, &RetentionRule::max_runs},
    {"max_size_mb", int64_t{1} << 40, &RetentionRule::max_size_mb},
    {"keep_newest", 1000000000, &RetentionRule::keep_newest},
};

std::vector<std::string> KeyNames() {
  std::vector<std::string> names;
  for (const RetentionKey& key : kKeys) names.emplace_back(key.name);
  return names;
}

void ReadRule(NodeReader& reader, const Node& node, const FieldPath& path, RetentionRule& rule) {
  reader.Record(node, path, KeyNames, [&](const Node& entry, const FieldPath& below) {
    const auto* const key = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const RetentionKey& known) { return entry.key == known.name; });
    if (key == std::end(kKeys)) return false;
    int64_t value = 0;
    if (!reader.Whole(entry, below, value)) return true;
    if (value < 0 || value > key->highest) {
      reader.Report(entry, below, fmt::format("is {}; allowed: 0 to {}", Describe(entry), key->highest));
      return true;
    }
    rule.*(key->member) = value;
    return true;
  });
}

}  // namespace

void ReadRetention(NodeReader& reader, const Node& node, const FieldPath& path, std::map<std::string, RetentionRule>& rules) {
  if (node.kind != Node::Kind::kMap) {
    return reader.Report(node, path, fmt::format("is {}; a table for each rule is needed: [retention.default], [retention.\"NAME=VALUE\"]", Describe(node)));
  }
  for (const Node& entry : node.items) {
    const FieldPath below = path.Key(entry.key);
    const size_t equals = entry.key.find('=');
    if (entry.key != kDefaultRetention && (equals == std::string::npos || equals == 0)) {
      reader.problems().AddAtKey(below, entry, "is neither 'default' nor a label NAME=VALUE");
      continue;
    }
    ReadRule(reader, entry, below, rules[entry.key]);
  }
}

}  // namespace fumehood
