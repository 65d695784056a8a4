#include "src/config/profiles.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

constexpr const char* kBaseProfile = "default";

std::vector<std::string> LimitNames() {
  std::vector<std::string> names;
  for (const LimitField& field : kLimitFields) names.emplace_back(field.name);
  return names;
}

bool IsProfileName(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= 64 && name[0] != '-' && name.find_first_not_of(kLetters) == std::string_view::npos;
}

void ReadProfile(NodeReader& reader, const Node& entry, const FieldPath& path, Power power, std::map<std::string, Limits>& profiles) {
  const auto known = profiles.find(entry.key);
  if (known != profiles.end()) return ReadLimits(reader, entry, path, power, known->second);
  if (power == Power::kTighten) {
    std::vector<std::string> names;
    for (const auto& [name, limits] : profiles) names.push_back(name);
    const std::string hint = NearestHint(entry.key, names);
    return reader.problems().AddAtKey(path, entry, "is no profile that is there, and a project's file can only tighten" + hint);
  }
  if (!IsProfileName(entry.key)) {
    return reader.problems().AddAtKey(path, entry, "is no name for a profile; allowed: letters, digits, _ and -, at most 64");
  }
  Limits limits = profiles.at(kBaseProfile);
  ReadLimits(reader, entry, path, power, limits);
  profiles.emplace(entry.key, limits);
}

}  // namespace

std::map<std::string, Limits> BuiltInProfiles() {
  Limits notebook;
  notebook.cpu_quota = 2;
  notebook.timeout_seconds = 600;
  Limits post_process;
  post_process.memory_limit_mb = 1024;
  post_process.pids_limit = 128;
  post_process.timeout_seconds = 300;
  Limits tool;
  tool.memory_limit_mb = 512;
  tool.cpu_quota = 0.5;
  tool.pids_limit = 64;
  tool.timeout_seconds = 120;
  return {{kBaseProfile, Limits()}, {"notebook", notebook}, {"post_process", post_process}, {"tool", tool}};
}

void ReadLimit(NodeReader& reader, const Node& node, const FieldPath& path, const LimitField& field, Power power, Limits& limits) {
  double value = 0;
  if (field.whole != nullptr) {
    int64_t whole = 0;
    if (!reader.Whole(node, path, whole)) return;
    value = static_cast<double>(whole);
  } else if (!reader.Number(node, path, value)) {
    return;
  }
  if (!IsInRange(field, value, kHighestLimits)) {
    return reader.Report(node, path, fmt::format("is {}; allowed: {}", Describe(node), RangeText(field, kHighestLimits)));
  }
  const double before = GetLimit(limits, field);
  if (power == Power::kTighten && !IsAsTight(field, value, before)) {
    const char* none = field.zero_lifts ? " (0 means no limit)" : "";
    return reader.Report(node, path, fmt::format("is {}, but it is {} already and a project's file can only tighten{}", Describe(node),
                                                 before, none));
  }
  SetLimit(limits, field, value);
}

void ReadLimits(NodeReader& reader, const Node& node, const FieldPath& path, Power power, Limits& limits) {
  reader.Record(node, path, LimitNames, [&](const Node& entry, const FieldPath& below) {
    const LimitField* field = FindLimitField(entry.key);
    if (field == nullptr) return false;
    ReadLimit(reader, entry, below, *field, power, limits);
    return true;
  });
}

void ReadProfiles(NodeReader& reader, const Node& node, const FieldPath& path, Power power, std::map<std::string, Limits>& profiles) {
  if (node.kind != Node::Kind::kMap) {
    return reader.Report(node, path, fmt::format("is {}; a table for each profile is needed: [profiles.NAME]", Describe(node)));
  }
  // First, since the others start from it, wherever it stands in the file.
  for (const bool base : {true, false}) {
    for (const Node& entry : node.items) {
      if ((entry.key == kBaseProfile) == base) ReadProfile(reader, entry, path.Key(entry.key), power, profiles);
    }
  }
}

}  // namespace fumehood
