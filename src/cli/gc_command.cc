// fumehood gc
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/parser.h"
#include "src/cli/run_filter_flags.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/health/collect_garbage.h"

namespace fumehood {
namespace {

// "500M", "20G": a number with K, M, G or T; without a letter bytes.
std::optional<int64_t> ParseSize(const std::string& text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return std::nullopt;
  const std::string unit(end, static_cast<size_t>(text.data() + text.size() - end));
  constexpr std::string_view kUnits = "KMGT";
  const size_t step = unit.empty() ? 0 : unit.size() == 1 || unit.substr(1) == "iB" || unit.substr(1) == "B" ? kUnits.find(unit[0]) + 1 : 0;
  if (!unit.empty() && (step == 0 || step > kUnits.size())) return std::nullopt;
  int64_t bytes = count;
  for (size_t i = 0; i < step; ++i) {
    if (bytes > INT64_MAX / 1024) return std::nullopt;
    bytes *= 1024;
  }
  return bytes;
}

// A rule of the command line takes the place of the configuration's.
Result<GarbageRules> RulesFrom(const Arguments& arguments, const Config& config) {
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": gc takes flags only: `fumehood gc --older-than DAYS`");
  }
  GarbageRules rules;
  std::vector<Problem> problems;
  const auto whole = [&](const char* flag) -> std::optional<int64_t> {
    const auto value = WholeArgument(arguments, flag, 0);
    if (value) return *value;
    problems.push_back({std::string("--") + flag, value.error().message(), "", 0, 0});
    return std::nullopt;
  };
  const auto days = whole("older-than");
  const auto keep = whole("keep");
  const auto max_runs = whole("max-runs");
  std::optional<int64_t> max_bytes;
  if (arguments.Has("max-size")) {
    max_bytes = ParseSize(arguments.Value("max-size"));
    if (!max_bytes) problems.push_back({"--max-size", fmt::format("takes a size as 500M, 20G or 2T, not {}", Quoted(arguments.Value("max-size"))), "", 0, 0});
  }
  rules.labels = LabelsFrom(arguments, problems);
  rules.dry_run = arguments.Has("dry-run");
  if (problems.size() == 1) return Error(ErrorCode::kInvalidArgument, problems[0].message.starts_with("--") ? problems[0].message : problems[0].field + " " + problems[0].message);
  if (!problems.empty()) return CommandLineError("gc", std::move(problems));
  if (days || max_runs || max_bytes) {
    constexpr int64_t kMostDays = 36500;
    KeepRule rule{.max_runs = max_runs, .max_bytes = max_bytes, .keep_newest = keep.value_or(0)};
    if (days) rule.ended_before = Now() - std::chrono::hours(24 * std::min(*days, kMostDays));
    rules.keep = {rule};
  } else {
    rules.keep = KeepRulesFrom(config.retention, Now());
    for (KeepRule& rule : rules.keep) rule.keep_newest = std::max(rule.keep_newest, keep.value_or(0));
  }
  return rules;
}

std::string AsText(const GarbageReport& report, bool dry_run, bool on_terminal) {
  std::string text;
  int64_t bytes = 0;
  std::vector<std::vector<std::string>> rows = {{"RUN", "NAME", "STATUS", "ENDED", "FILES", "SIZE", "BECAUSE"}};
  for (const RemovedRun& run : report.runs) {
    bytes += run.bytes;
    rows.push_back({run.id, Shown(run.name), Painted(Name(run.status), ColourOf(run.status), on_terminal), LocalTime(run.finished_at),
                    fmt::format("{}", run.files), HumanBytes(run.bytes), run.why});
  }
  if (!report.runs.empty()) text += Table(rows, on_terminal);
  for (const std::string& name : report.leftovers) text += fmt::format("{} {}, of no use any more\n", dry_run ? "would remove" : "removed", Quoted(name));
  text += fmt::format("{} {} runs, {}; {} stay", dry_run ? "would remove" : "removed", report.runs.size(), HumanBytes(bytes), report.kept);
  return text + (report.pinned > 0 ? fmt::format(", {} of them pinned\n", report.pinned) : "\n");
}

std::string AsJson(const GarbageReport& report, bool dry_run) {
  JsonWriter json;
  json.BeginObject().Key("dry_run").Bool(dry_run).Key("removed").BeginArray();
  for (const RemovedRun& run : report.runs) {
    json.BeginObject().Key("run_id").String(run.id).Key("name").String(run.name).Key("status").String(Name(run.status));
    json.Key("finished_at").String(run.finished_at).Key("files").Int(run.files).Key("bytes").Int(run.bytes);
    json.Key("why").String(run.why).Key("listing_sha256").String(run.sha256).EndObject();
  }
  const auto list = [&](const char* key, const std::vector<std::string>& texts) {
    json.Key(key).BeginArray();
    for (const std::string& text : texts) json.String(text);
    json.EndArray();
  };
  json.EndArray().Key("kept").Int(report.kept).Key("pinned").Int(report.pinned);
  list("leftovers", report.leftovers);
  list("problems", report.problems);
  return json.EndObject().Take() + "\n";
}

Result<int> Gc(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const GarbageRules rules, RulesFrom(arguments, context.config));
  FH_ASSIGN_OR_RETURN(const GarbageReport report, CollectGarbage(context.config, rules));
  PrintOut(arguments.Has("json") ? AsJson(report, rules.dry_run) : AsText(report, rules.dry_run, context.out_is_terminal));
  for (const std::string& note : report.notes) PrintErr("fumehood: " + note + "\n");
  for (const std::string& problem : report.problems) PrintErr("fumehood: " + problem + "\n");
  return report.problems.empty() ? 0 : 1;
}

}  // namespace

Command GcCommand() {
  return {.name = "gc", .summary = "Remove the records of ended runs, and what crashes have left",
          .flags = {{.name = "older-than", .value = "DAYS", .help = "Those that ended so long ago; 0: all; default: as configured, else 30"},
                    {.name = "max-size", .value = "SIZE", .help = "The oldest, until the rest takes no more: 500M, 20G"},
                    {.name = "max-runs", .value = "N", .help = "All but the newest N"},
                    {.name = "keep", .value = "N", .help = "But keep the newest N, whatever the other rules say"},
                    LabelFlag(),
                    {.name = "dry-run", .letter = 'n', .help = "Only say what would be removed"},
                    {.name = "json", .help = "As JSON"}},
          .description = "What a run wrote goes with its record: `fumehood apply` what you want to keep, or `fumehood pin` the run. Without --older-than,\n"
                         "--max-size or --max-runs the rules of [retention] in fumehood.toml hold. Each removal is first recorded in the state\n"
                         "directory's own event log, with counts, bytes, the head of the run's event chain and a digest of the list of its files.",
          .run = Gc};
}

}  // namespace fumehood
