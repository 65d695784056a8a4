// fumehood profiles
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/config/limit_origins.h"
#include "src/spec/limits.h"

namespace fumehood {
namespace {

constexpr const char* kBuiltIn = "built in";

std::string OriginOf(const Origins& origins, const LimitField& field) {
  const auto found = origins.find(std::string(field.name));
  return found == origins.end() ? kBuiltIn : found->second;
}

void WriteLimits(JsonWriter& json, const Limits& limits) {
  json.BeginObject();
  for (const LimitField& field : kLimitFields) {
    json.Key(field.name);
    if (field.whole != nullptr) {
      json.Int(limits.*field.whole);
    } else {
      json.Double(limits.*field.real);
    }
  }
  json.EndObject();
}

void WriteOrigins(JsonWriter& json, const Origins& origins) {
  json.BeginObject();
  for (const LimitField& field : kLimitFields) json.Key(field.name).String(OriginOf(origins, field));
  json.EndObject();
}

std::string AsJson(const Config& config, const LimitOrigins& origins) {
  JsonWriter json;
  json.BeginObject().Key("profiles").BeginObject();
  for (const auto& [name, limits] : config.profiles) {
    json.Key(name);
    WriteLimits(json, limits);
  }
  json.EndObject().Key("maximum");
  WriteLimits(json, config.maximum);
  json.Key("from").BeginObject().Key("profiles").BeginObject();
  for (const auto& [name, of_profile] : origins.profiles) {
    json.Key(name);
    WriteOrigins(json, of_profile);
  }
  json.EndObject().Key("maximum");
  WriteOrigins(json, origins.maximum);
  return json.EndObject().EndObject().Take() + "\n";
}

// One row a limit: profiles are few and limits are many.
std::string Values(const Config& config, bool on_terminal) {
  std::vector<std::vector<std::string>> rows = {{"LIMIT"}};
  for (const auto& [name, limits] : config.profiles) rows[0].push_back(Shown(name));
  rows[0].emplace_back("maximum");
  for (const LimitField& field : kLimitFields) {
    std::vector<std::string> row = {std::string(field.name)};
    for (const auto& [name, limits] : config.profiles) row.push_back(fmt::format("{}", GetLimit(limits, field)));
    row.push_back(fmt::format("{}", GetLimit(config.maximum, field)));
    rows.push_back(std::move(row));
  }
  return Table(rows, on_terminal);
}

// Of what somebody has set: the rest is built in, and would be most of the table.
std::string WhereFrom(const Config& config, const LimitOrigins& origins, bool on_terminal) {
  std::vector<std::vector<std::string>> rows = {{"PROFILE", "LIMIT", "VALUE", "FROM"}};
  const auto add = [&](const std::string& name, const Limits& limits, const Origins& from) {
    for (const LimitField& field : kLimitFields) {
      const std::string origin = OriginOf(from, field);
      if (origin != kBuiltIn) rows.push_back({Shown(name), std::string(field.name), fmt::format("{}", GetLimit(limits, field)), Shown(origin)});
    }
  };
  for (const auto& [name, limits] : config.profiles) add(name, limits, origins.profiles.contains(name) ? origins.profiles.at(name) : Origins());
  add("maximum", config.maximum, origins.maximum);
  if (rows.size() == 1) return "\nAll of them are built in.\n";
  return "\n" + Table(rows, on_terminal) + "\nAll others are built in.\n";
}

Result<int> Profiles(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": profiles takes flags only");
  }
  FH_ASSIGN_OR_RETURN(const LimitOrigins origins, TraceLimits(DefaultSources()));
  const bool on_terminal = context.out_is_terminal;
  PrintOut(arguments.Has("json") ? AsJson(context.config, origins)
                                 : Values(context.config, on_terminal) + WhereFrom(context.config, origins, on_terminal));
  return 0;
}

}  // namespace

Command ProfilesCommand() {
  return {.name = "profiles", .summary = "The named sets of limits, the most that a run may ask for, and where each value comes from",
          .flags = {{.name = "json", .help = "As JSON"}},
          .description = "Each is built in, or said by a fumehood.toml (its line is named) or by a variable. What a spec or a flag says\n"
                         "goes before its profile's.",
          .run = Profiles};
}

}  // namespace fumehood
