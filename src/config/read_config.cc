#include "src/config/read_config.h"

#include <fcntl.h>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/config/environment.h"
#include "src/config/retention.h"
#include "src/config/settings.h"
#include "src/spec/import.h"
#include "src/spec/limits.h"
#include "src/spec/node_reader.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

}  // namespace

Result<std::optional<std::string>> FindConfigText(const std::string& path, Power power, uid_t uid) {
  if (path.empty()) return std::optional<std::string>();
  auto file = OpenAt(kHere, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file && file.error().code() == ErrorCode::kNotFound) return std::optional<std::string>();
  if (!file) return std::move(file).error().Within("read the configuration");
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*file));
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kInvalidArgument, fmt::format("the configuration {} is not a regular file", Quoted(path)));
  if (power == Power::kTighten && info.st_uid != uid && info.st_uid != 0) {
    return Error(ErrorCode::kPermissionDenied, fmt::format("the configuration {} belongs to another user", Quoted(path)));
  }
  auto text = ReadFd(file->get(), kMaxConfigBytes);
  if (!text) return std::move(text).error().Within("the configuration " + Quoted(path));
  return std::optional<std::string>(std::move(text).value());
}

namespace {

Result<void> ApplyFile(const std::string& path, Power power, uid_t uid, Config& config, std::vector<Problem>& problems) {
  FH_ASSIGN_OR_RETURN(const std::optional<std::string> text, FindConfigText(path, power, uid));
  if (!text) return {};
  ProblemList found(path);
  ApplyConfigText(*text, power, config, found);
  for (Problem& problem : found.Take()) problems.push_back(std::move(problem));
  return {};
}

// A limit, or what was meant for one, outside of the tables that hold limits; false for any other name.
bool ReportLimitOutOfPlace(const Node& entry, const FieldPath& path, ProblemList& problems) {
  std::vector<std::string> limits;
  for (const LimitField& limit : kLimitFields) limits.emplace_back(limit.name);
  constexpr size_t kLongest = 128;  // nobody misspells a name into a page of text
  const bool may_be = entry.key.size() <= kLongest && NearestName(entry.key, ConfigKeyNames()).empty();
  const std::string nearest = may_be ? NearestName(entry.key, limits) : "";
  if (nearest.empty()) return false;
  problems.AddAtKey(path, entry, fmt::format("is not a known name here; did you mean '{}' in [profiles.default] or [maximum]?", nearest));
  return true;
}

// What no single source can be blamed for.
void CheckWhole(const Config& config, std::vector<Problem>& problems) {
  constexpr int64_t kHighestUid = 4294967294;  // 2^32 - 1 means "none"
  if (config.uid_range_first + config.uid_range_count - 1 > kHighestUid) {
    problems.push_back({"uid_range_count",
                        fmt::format("with uid_range_first ends at {}; the last uid is {}",
                                    config.uid_range_first + config.uid_range_count - 1, kHighestUid),
                        "the configuration"});
  }
}

}  // namespace

void ApplyConfigText(std::string_view text, Power power, Config& config, ProblemList& problems) {
  const std::optional<Node> document = ImportDocument(text, Format::kToml, problems);
  if (!document) return;
  NodeReader reader(problems);
  reader.Record(*document, FieldPath(), ConfigKeyNames, [&](const Node& entry, const FieldPath& path) {
    if (entry.key == "maximum") return ReadLimits(reader, entry, path, power, config.maximum), true;
    if (entry.key == "profiles") return ReadProfiles(reader, entry, path, power, config.profiles), true;
    if (entry.key == "retention" && power == Power::kSet) return ReadRetention(reader, entry, path, config.retention), true;
    const Setting* setting = FindSetting(entry.key);
    if (setting == nullptr && entry.key != "retention") return ReportLimitOutOfPlace(entry, path, problems);
    if (power == Power::kTighten) {
      problems.AddAtKey(path, entry, "cannot be set by a project's file, which can only lower limits in [maximum] and [profiles.NAME]");
    } else {
      setting->read(reader, entry, path, config);
    }
    return true;
  });
}

Result<Config> ReadConfig(const ConfigSources& sources) {
  Config config;
  config.profiles = BuiltInProfiles();
  std::vector<Problem> problems;
  FH_TRY(ApplyFile(sources.system_path, Power::kSet, sources.uid, config, problems));
  FH_TRY(ApplyFile(sources.user_path, Power::kSet, sources.uid, config, problems));
  FH_TRY(ApplyFile(sources.project_path, Power::kTighten, sources.uid, config, problems));
  ApplyEnvironment(sources.environment, config, problems);
  CheckWhole(config, problems);
  if (!problems.empty()) return ProblemsError("the configuration", std::move(problems));
  if (config.state_dir.empty()) {
    FH_ASSIGN_OR_RETURN(config.state_dir, DefaultStateDir(sources.environment, sources.uid));
  }
  return config;
}

}  // namespace fumehood
