// fumehood profiles
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/spec/limits.h"

namespace fumehood {
namespace {

std::string AsJson(const Config& config) {
  JsonWriter json;
  const auto write = [&](const Limits& limits) {
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
  };
  json.BeginObject().Key("profiles").BeginObject();
  for (const auto& [name, limits] : config.profiles) {
    json.Key(name);
    write(limits);
  }
  json.EndObject().Key("maximum");
  write(config.maximum);
  return json.EndObject().Take() + "\n";
}

// One row a limit: profiles are few and limits are many.
std::string AsTable(const Config& config, bool on_terminal) {
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

Result<int> Profiles(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": profiles takes flags only");
  }
  PrintOut(arguments.Has("json") ? AsJson(context.config) : AsTable(context.config, context.out_is_terminal));
  return 0;
}

}  // namespace

Command ProfilesCommand() {
  return {.name = "profiles", .summary = "The named sets of limits, and the most that a run may ask for",
          .flags = {{.name = "json", .help = "As JSON"}},
          .description = "They come from fumehood.toml. What a spec or a flag says goes before its profile's.", .run = Profiles};
}

}  // namespace fumehood
