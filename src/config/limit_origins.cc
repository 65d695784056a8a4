#include "src/config/limit_origins.h"

#include <fmt/format.h>

#include "src/config/environment.h"
#include "src/config/profiles.h"
#include "src/config/read_config.h"
#include "src/spec/import.h"
#include "src/spec/limits.h"

namespace fumehood {
namespace {

constexpr const char* kBaseProfile = "default";

void TraceTable(const Node& table, const std::string& path, Origins& origins) {
  for (const Node& entry : table.items) {
    if (FindLimitField(entry.key) != nullptr) origins[entry.key] = fmt::format("{}:{}", path, entry.key_line);
  }
}

// `default` first: a profile that this file begins starts from it.
void TraceProfiles(const Node& profiles, const std::string& path, LimitOrigins& origins) {
  for (const bool base : {true, false}) {
    for (const Node& entry : profiles.items) {
      if ((entry.key == kBaseProfile) != base) continue;
      if (!origins.profiles.contains(entry.key)) origins.profiles[entry.key] = origins.profiles[kBaseProfile];
      TraceTable(entry, path, origins.profiles[entry.key]);
    }
  }
}

void TraceVariables(const Environment& environment, LimitOrigins& origins) {
  const auto is_set = [&](const std::string& variable) {
    const auto found = environment.find(variable);
    return found != environment.end() && !found->second.empty();
  };
  for (const LimitField& field : kLimitFields) {
    const std::string of_default = LimitVariable(field, false);
    const std::string of_maximum = LimitVariable(field, true);
    if (is_set(of_default)) origins.profiles[kBaseProfile][std::string(field.name)] = of_default;
    if (is_set(of_maximum)) origins.maximum[std::string(field.name)] = of_maximum;
  }
}

}  // namespace

void TraceConfigText(std::string_view text, const std::string& path, LimitOrigins& origins) {
  ProblemList told_by_read_config;
  const auto document = ImportDocument(text, Format::kToml, told_by_read_config);
  if (!document) return;
  if (const Node* maximum = FindEntry(*document, "maximum")) TraceTable(*maximum, path, origins.maximum);
  if (const Node* profiles = FindEntry(*document, "profiles")) TraceProfiles(*profiles, path, origins);
}

Result<LimitOrigins> TraceLimits(const ConfigSources& sources) {
  LimitOrigins origins;
  for (const auto& [name, limits] : BuiltInProfiles()) origins.profiles[name] = {};
  const std::pair<std::string, Power> files[] = {{sources.system_path, Power::kSet}, {sources.user_path, Power::kSet}, {sources.project_path, Power::kTighten}};
  for (const auto& [path, power] : files) {
    FH_ASSIGN_OR_RETURN(const auto text, FindConfigText(path, power, sources.uid));
    if (text) TraceConfigText(*text, path, origins);
  }
  TraceVariables(sources.environment, origins);
  return origins;
}

}  // namespace fumehood
