// fumehood explain: what a run would be, without making it.
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/cli/command.h"
#include "src/cli/parser.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"
#include "src/spec/fields.h"
#include "src/spec/limits.h"
#include "src/spec/schema.h"

namespace fumehood {
namespace {

std::string FlagOf(const LimitField& limit) {
  const FieldInfo* field = FindSpecField(limit.name);
  if (field == nullptr || !field->flag.starts_with("--")) return "";
  return SplitWords(field->flag.substr(2))[0];
}

// Who decided a limit: the flag, the spec, the profile, or the maximum above them.
std::string OriginOf(const LimitField& limit, const PreparedRun& prepared, const Arguments& arguments, const Config& config) {
  const AnalysisSpec& spec = prepared.resolved.spec;
  const std::string flag = FlagOf(limit);
  if (!flag.empty() && arguments.Has(flag)) return "--" + flag;
  const bool in_spec = limit.whole != nullptr ? (spec.*limit.spec_whole).has_value() : (spec.*limit.spec_real).has_value();
  if (in_spec && !arguments.positional.empty()) return Quoted(arguments.positional[0]);
  const auto profile = config.profiles.find(spec.profile);
  const std::string origin = "profile " + Quoted(spec.profile);
  if (profile == config.profiles.end() || GetLimit(profile->second, limit) == GetLimit(prepared.resolved.limits, limit)) return origin;
  return "the configuration's maximum, below " + origin;
}

std::string UnitOf(const LimitField& limit) {
  const FieldInfo* field = FindSpecField(limit.name);
  return field == nullptr ? "" : std::string(field->unit);
}

std::string HeldBy(const CgroupPlace& place) {
  constexpr const char* kVersions[] = {"no cgroups", "cgroup v1", "cgroup v2"};
  std::string text = fmt::format("{} ({}): {}", kVersions[static_cast<size_t>(place.version)], place.how, Join(place.controllers, ", "));
  if (!place.v2_parent.empty()) text += "; below " + Quoted(place.v2_parent);
  for (const auto& [controller, path] : place.v1_parents) {
    if (place.v2_parent.empty() && controller == "memory") text += "; memory below " + Quoted(path);
  }
  return text;
}

std::string AsText(const PreparedRun& prepared, const Arguments& arguments, const Config& config, bool on_terminal) {
  const auto title = [&](const char* text) { return Painted(text, Colour::kStrong, on_terminal) + "\n"; };
  std::string text = title("Limits");
  std::vector<std::vector<std::string>> rows = {{"  LIMIT", "VALUE", "UNIT", "FROM"}};
  for (const LimitField& limit : kLimitFields) {
    rows.push_back({"  " + std::string(limit.name), fmt::format("{}", GetLimit(prepared.resolved.limits, limit)), UnitOf(limit),
                    OriginOf(limit, prepared, arguments, config)});
  }
  text += Table(rows, on_terminal);
  text += "\n" + title("Held by") + "  " + HeldBy(prepared.order.box.cgroup) + "\n";
  if (!prepared.order.weakened.empty()) {
    text += "  " + Painted("going on without: " + Join(prepared.order.weakened, ", "), Colour::kBad, on_terminal) + "\n";
  }
  text += "\n" + title("Runtime") + fmt::format("  {}: {}\n", Shown(prepared.resolved.runtime.name), prepared.resolved.runtime.interpreter);
  text += "\n" + title("The hood, step by step");
  for (const std::string& line : Split(DescribePlan(prepared.order.plan), '\n')) {
    if (!line.empty()) text += "  " + line + "\n";
  }
  return text;
}

std::string AsJson(const PreparedRun& prepared, const Arguments& arguments, const Config& config) {
  JsonWriter json;
  json.BeginObject().Key("resolved").Raw(PrintResolved(prepared.resolved, prepared.order.plan)).Key("limits_from").BeginObject();
  for (const LimitField& limit : kLimitFields) json.Key(limit.name).String(OriginOf(limit, prepared, arguments, config));
  const CgroupPlace& place = prepared.order.box.cgroup;
  constexpr const char* kVersions[] = {"none", "v1", "v2"};
  json.EndObject().Key("cgroup").BeginObject().Key("version").String(kVersions[static_cast<size_t>(place.version)]);
  json.Key("how").String(place.how).Key("v2_parent").String(place.v2_parent).Key("v1_parents").BeginObject();
  for (const auto& [controller, path] : place.v1_parents) json.Key(controller).String(path);
  json.EndObject().Key("controllers").BeginArray();
  for (const std::string& controller : place.controllers) json.String(controller);
  json.EndArray().EndObject().Key("weakened").BeginArray();
  for (const std::string& layer : prepared.order.weakened) json.String(layer);
  return json.EndArray().EndObject().Take() + "\n";
}

std::string FieldsAsJson() {
  JsonWriter json;
  json.BeginObject().Key("fields").BeginArray();
  for (const FieldInfo& field : SpecFields()) {
    json.BeginObject().Key("name").String(field.name).Key("type").String(TypeText(field)).Key("unit").String(field.unit);
    json.Key("default").String(DefaultText(field)).Key("allowed").String(AllowedText(field)).Key("flag").String(field.flag);
    json.Key("meaning").String(field.meaning).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

Result<int> Explain(const Arguments& arguments, Context& context) {
  const bool instead = arguments.Has("fields") || arguments.Has("schema");
  if (instead && !arguments.problems.empty()) return CommandLineError(arguments.command_name, arguments.problems);
  if (arguments.Has("fields") && arguments.Has("schema")) {
    return Error(ErrorCode::kInvalidArgument, "--fields and --schema are two different things; ask for one");
  }
  if (instead && (!arguments.positional.empty() || !arguments.command.empty())) {
    return Error(ErrorCode::kInvalidArgument, "--fields and --schema tell of every spec; leave out the one to be explained");
  }
  if (arguments.Has("fields")) return PrintOut(context.json ? FieldsAsJson() : FieldsAsText()) ? 0 : 1;
  if (arguments.Has("schema")) return PrintOut(SpecJsonSchema() + "\n") ? 0 : 1;
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(arguments, context.config, context.submitter));
  auto prepared = Prepare(given.spec, context.config, context.submitter, NewRunId());
  if (!prepared) return given.Placed(std::move(prepared).error());
  PrintOut(context.json ? AsJson(*prepared, arguments, context.config)
                        : AsText(*prepared, arguments, context.config, context.out_is_terminal));
  return 0;
}

}  // namespace

Command ExplainCommand() {
  Command command{.name = "explain", .summary = "What a run would be: its limits, where each comes from, and every step of its hood",
                  .positional = "[SPEC] [-- COMMAND...]", .flags = SpecFlags(),
                  .description = "Makes nothing. What cannot be had on this host is an error, as it would be for the run.", .run = Explain,
                  .tells_problems = true};
  command.flags.push_back({.name = "fields", .help = "Instead: every field of a spec, with unit, default and meaning"});
  command.flags.push_back({.name = "schema", .help = "Instead: the JSON Schema of a spec, for editors"});
  command.flags.push_back({.name = "json", .help = "As JSON"});
  return command;
}

}  // namespace fumehood
