#include "src/config/settings.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/names.h"

namespace fumehood {
namespace {

constexpr const char* kDiskMethods[] = {"auto", "quota", "sampled"};

// 0 to 999 are the system's and 2^32 - 1 means "none": neither can be given to a run.
constexpr int64_t kLowestRunUid = 1000;
constexpr int64_t kHighestRunUid = 4294967294;
constexpr int64_t kMostSpareBoxes = 256;
constexpr int64_t kMostWarmBoxes = 64;
constexpr double kShortestInterval = 0.05;
constexpr double kLongestInterval = 3600;

template <typename Names>
void ReadOneOf(NodeReader& reader, const Node& node, const FieldPath& path, const Names& names, std::string& out) {
  std::string text;
  if (!reader.Text(node, path, text)) return;
  const std::vector<std::string> allowed(std::begin(names), std::end(names));
  if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
    return reader.Report(node, path, fmt::format("is {}; allowed: {}{}", ShortQuoted(text), Join(allowed, ", "), NearestHint(text, allowed)));
  }
  out = text;
}

void ReadStateDir(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  std::string text;
  if (!reader.Text(node, path, text)) return;
  if (!text.starts_with('/')) return reader.Report(node, path, fmt::format("is {}; an absolute path is needed", ShortQuoted(text)));
  std::string normal = std::filesystem::path(text).lexically_normal().string();
  while (normal.ends_with('/')) normal.pop_back();
  if (normal.empty()) return reader.Report(node, path, "is '/'; a directory of its own is needed");
  config.state_dir = normal;
}

void ReadDiskMethod(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadOneOf(reader, node, path, kDiskMethods, config.disk_method);
}

void ReadAllowWeaker(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  std::vector<std::string> layers;
  if (!reader.TextList(node, path, layers)) return;
  const std::vector<std::string> allowed(std::begin(kHoodLayers), std::end(kHoodLayers));
  for (size_t i = 0; i < layers.size(); ++i) {
    if (IsHoodLayer(layers[i])) continue;
    reader.Report(node.items[i], path.Item(i),
                  fmt::format("is {}; allowed: {}{}", ShortQuoted(layers[i]), Join(allowed, ", "), NearestHint(layers[i], allowed)));
  }
  config.allow_weaker = std::move(layers);
}

void ReadWhole(NodeReader& reader, const Node& node, const FieldPath& path, int64_t lowest, int64_t highest, int64_t& out) {
  int64_t value = 0;
  if (!reader.Whole(node, path, value)) return;
  if (value < lowest || value > highest) {
    return reader.Report(node, path, fmt::format("is {}; allowed: {} to {}", value, lowest, highest));
  }
  out = value;
}

void ReadUid(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, kLowestRunUid, kHighestRunUid, config.uid_range_first);
}

void ReadUidCount(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 1, kHighestRunUid, config.uid_range_count);
}

void ReadInterval(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  double value = 0;
  if (!reader.Number(node, path, value)) return;
  if (!(value >= kShortestInterval && value <= kLongestInterval)) {
    return reader.Report(node, path, fmt::format("is {}; allowed: {} to {}", Describe(node), kShortestInterval, kLongestInterval));
  }
  config.usage_interval_seconds = value;
}

void ReadSpareBoxes(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 0, kMostSpareBoxes, config.spare_boxes);
}

void ReadWarmBoxes(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 0, kMostWarmBoxes, config.warm_boxes);
}

void ReadWarmMemory(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  constexpr int64_t kLeast = 16;  // below that no interpreter starts
  ReadWhole(reader, node, path, kLeast, kHighestLimits.memory_limit_mb, config.warm_memory_mb);
}

void ReadWarmIdle(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  constexpr int64_t kDay = 86400;
  ReadWhole(reader, node, path, 1, kDay, config.warm_idle_seconds);
}

void ReadInputDigest(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 0, kHighestLimits.disk_limit_mb, config.input_digest_mb);
}

void ReadDatabaseCheck(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  constexpr int64_t kDay = 86400;
  ReadWhole(reader, node, path, 0, kDay, config.database_check_seconds);
}

void ReadCgroupParent(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  std::string text;
  if (!reader.Text(node, path, text)) return;
  const std::vector<std::string> steps = Split(text, '/');
  if (std::find(steps.begin(), steps.end(), "..") != steps.end()) {
    return reader.Report(node, path, fmt::format("is {}; `..` is not allowed", ShortQuoted(text)));
  }
  config.cgroup_parent = text;
}

void ReadBudgetShare(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  double value = 0;
  if (!reader.Number(node, path, value)) return;
  if (!(value >= 0.01 && value <= 1)) return reader.Report(node, path, fmt::format("is {}; allowed: 0.01 to 1", Describe(node)));
  config.budget_share = value;
}

void ReadBudgetMemory(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 0, kHighestLimits.memory_limit_mb, config.budget_memory_mb);
}

void ReadBudgetCpus(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  double value = 0;
  if (!reader.Number(node, path, value)) return;
  if (!(value >= 0 && value <= kHighestLimits.cpu_quota)) {
    return reader.Report(node, path, fmt::format("is {}; allowed: 0 to {}", Describe(node), kHighestLimits.cpu_quota));
  }
  config.budget_cpus = value;
}

void ReadBudgetPids(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 0, kHighestLimits.pids_limit, config.budget_pids);
}

void ReadBudgetDisk(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadWhole(reader, node, path, 0, kHighestLimits.disk_limit_mb, config.budget_disk_mb);
}

void ReadQueueLimit(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  constexpr int64_t kMost = 10000000;
  ReadWhole(reader, node, path, 0, kMost, config.queue_limit);
}

void ReadFairShareLabel(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  reader.Text(node, path, config.fair_share_label);
}

void ReadPriorityAge(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  constexpr int64_t kYear = 366 * 86400;
  ReadWhole(reader, node, path, 0, kYear, config.priority_age_seconds);
}

void ReadQuarantine(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  reader.Flag(node, path, config.quarantine_runtimes);
}

constexpr Setting kSettings[] = {
    {"state_dir", "FUMEHOOD_STATE", false, ReadStateDir},
    {"executor", "FUMEHOOD_EXECUTOR", false, ReadExecutor},
    {"disk_method", "FUMEHOOD_DISK_METHOD", false, ReadDiskMethod},
    {"allow_weaker", "FUMEHOOD_ALLOW_WEAKER", true, ReadAllowWeaker},
    {"uid_range_first", "FUMEHOOD_UID_RANGE_FIRST", false, ReadUid},
    {"uid_range_count", "FUMEHOOD_UID_RANGE_COUNT", false, ReadUidCount},
    {"usage_interval_seconds", "FUMEHOOD_USAGE_INTERVAL_SECONDS", false, ReadInterval},
    {"cgroup_parent", "FUMEHOOD_CGROUP_PARENT", false, ReadCgroupParent},
    {"input_digest_mb", "FUMEHOOD_INPUT_DIGEST_MB", false, ReadInputDigest},
    {"database_check_seconds", "FUMEHOOD_DATABASE_CHECK_SECONDS", false, ReadDatabaseCheck},
    {"spare_boxes", "FUMEHOOD_SPARE_BOXES", false, ReadSpareBoxes},
    {"budget_share", "FUMEHOOD_BUDGET_SHARE", false, ReadBudgetShare},
    {"budget_memory_mb", "FUMEHOOD_BUDGET_MEMORY_MB", false, ReadBudgetMemory},
    {"budget_cpus", "FUMEHOOD_BUDGET_CPUS", false, ReadBudgetCpus},
    {"budget_pids", "FUMEHOOD_BUDGET_PIDS", false, ReadBudgetPids},
    {"budget_disk_mb", "FUMEHOOD_BUDGET_DISK_MB", false, ReadBudgetDisk},
    {"queue_limit", "FUMEHOOD_QUEUE_LIMIT", false, ReadQueueLimit},
    {"fair_share_label", "FUMEHOOD_FAIR_SHARE_LABEL", false, ReadFairShareLabel},
    {"priority_age_seconds", "FUMEHOOD_PRIORITY_AGE_SECONDS", false, ReadPriorityAge},
    {"warm_boxes", "FUMEHOOD_WARM_BOXES", false, ReadWarmBoxes},
    {"warm_memory_mb", "FUMEHOOD_WARM_MEMORY_MB", false, ReadWarmMemory},
    {"warm_idle_seconds", "FUMEHOOD_WARM_IDLE_SECONDS", false, ReadWarmIdle},
    {"quarantine_runtimes", "FUMEHOOD_QUARANTINE_RUNTIMES", false, ReadQuarantine},
};

}  // namespace

void ReadExecutor(NodeReader& reader, const Node& node, const FieldPath& path, Config& config) {
  ReadOneOf(reader, node, path, kExecutorNames, config.executor);
}

std::span<const Setting> Settings() { return kSettings; }

const Setting* FindSetting(std::string_view key) {
  for (const Setting& setting : kSettings) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

std::vector<std::string> ConfigKeyNames() {
  std::vector<std::string> names;
  for (const Setting& setting : kSettings) names.emplace_back(setting.key);
  names.insert(names.end(), {"maximum", "profiles", "retention"});
  return names;
}

}  // namespace fumehood
