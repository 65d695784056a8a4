// fumehood gc
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/health/collect_garbage.h"

namespace fumehood {
namespace {

constexpr int64_t kDefaultDays = 30;

Result<GarbageRules> RulesFrom(const Arguments& arguments) {
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": gc takes flags only: `fumehood gc --older-than DAYS`");
  }
  GarbageRules rules;
  FH_ASSIGN_OR_RETURN(const auto days, WholeArgument(arguments, "older-than", 0));
  FH_ASSIGN_OR_RETURN(const auto keep, WholeArgument(arguments, "keep", 0));
  constexpr int64_t kMostDays = 36500;
  rules.older_than = Now() - std::chrono::hours(24 * std::min(days.value_or(kDefaultDays), kMostDays));
  rules.keep_newest = keep.value_or(0);
  rules.dry_run = arguments.Has("dry-run");
  return rules;
}

std::string AsText(const GarbageReport& report, bool dry_run, bool on_terminal) {
  std::string text;
  int64_t bytes = 0;
  std::vector<std::vector<std::string>> rows = {{"RUN", "NAME", "STATUS", "ENDED", "FILES", "SIZE"}};
  for (const RemovedRun& run : report.runs) {
    bytes += run.bytes;
    rows.push_back({run.id, Shown(run.name), Painted(Name(run.status), ColourOf(run.status), on_terminal), LocalTime(run.finished_at),
                    fmt::format("{}", run.files), HumanBytes(run.bytes)});
  }
  if (!report.runs.empty()) text += Table(rows, on_terminal);
  for (const std::string& name : report.leftovers) text += fmt::format("{} {}, left by a crash\n", dry_run ? "would remove" : "removed", Quoted(name));
  return text + fmt::format("{} {} runs, {}; {} stay\n", dry_run ? "would remove" : "removed", report.runs.size(), HumanBytes(bytes), report.kept);
}

std::string AsJson(const GarbageReport& report, bool dry_run) {
  JsonWriter json;
  json.BeginObject().Key("dry_run").Bool(dry_run).Key("removed").BeginArray();
  for (const RemovedRun& run : report.runs) {
    json.BeginObject().Key("run_id").String(run.id).Key("name").String(run.name).Key("status").String(Name(run.status));
    json.Key("finished_at").String(run.finished_at).Key("files").Int(run.files).Key("bytes").Int(run.bytes).EndObject();
  }
  const auto list = [&](const char* key, const std::vector<std::string>& texts) {
    json.Key(key).BeginArray();
    for (const std::string& text : texts) json.String(text);
    json.EndArray();
  };
  json.EndArray().Key("kept").Int(report.kept);
  list("leftovers", report.leftovers);
  list("problems", report.problems);
  return json.EndObject().Take() + "\n";
}

Result<int> Gc(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const GarbageRules rules, RulesFrom(arguments));
  FH_ASSIGN_OR_RETURN(const GarbageReport report, CollectGarbage(context.config, rules));
  PrintOut(arguments.Has("json") ? AsJson(report, rules.dry_run) : AsText(report, rules.dry_run, context.out_is_terminal));
  for (const std::string& problem : report.problems) PrintErr("fumehood: " + problem + "\n");
  return report.problems.empty() ? 0 : 1;
}

}  // namespace

Command GcCommand() {
  return {.name = "gc", .summary = "Remove the records of ended runs, and what crashes have left",
          .flags = {{.name = "older-than", .value = "DAYS", .help = "Those that ended so long ago; 0: all; default: 30"},
                    {.name = "keep", .value = "N", .help = "But keep the newest N, whatever their age"},
                    {.name = "dry-run", .letter = 'n', .help = "Only say what would be removed"},
                    {.name = "json", .help = "As JSON"}},
          .description = "What a run wrote goes with its record: `fumehood apply` what you want to keep. Each removal is first recorded in\n"
                         "the state directory's own event log, with counts, bytes and the head of the run's event chain.",
          .run = Gc};
}

}  // namespace fumehood
