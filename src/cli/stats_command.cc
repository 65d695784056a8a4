// fumehood stats
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/parser.h"
#include "src/cli/run_filter_flags.h"
#include "src/cli/run_store.h"
#include "src/cli/terminal.h"
#include "src/store/statistics.h"
#include "src/store/suggest.h"

namespace fumehood {
namespace {

std::string AsJson(const Statistics& all) {
  JsonWriter json;
  const auto percentiles = [&](const char* key, const Percentiles& values) {
    json.Key(key).BeginObject().Key("median").Double(values.median).Key("p90").Double(values.p90).Key("p99").Double(values.p99).EndObject();
  };
  json.BeginObject().Key("runs").Int(all.runs).Key("ended").Int(all.ended).Key("by_status").BeginObject();
  for (const auto& [status, count] : all.by_status) json.Key(Name(status)).Int(count);
  json.EndObject().Key("failures").BeginObject();
  for (const auto& [reason, count] : all.failures) json.Key(Name(reason)).Int(count);
  json.EndObject().Key("span_s").Double(all.span_s).Key("ended_per_hour").Double(all.ended_per_hour).Key("cpu_hours").Double(all.cpu_hours);
  percentiles("waited_s", all.waited_s);
  percentiles("lasted_s", all.lasted_s);
  json.Key("analyses").BeginArray();
  for (const AnalysisUse& use : all.analyses) {
    json.BeginObject().Key("analysis").String(use.analysis).Key("name").String(use.name).Key("runtime").String(use.runtime);
    json.Key("runs").Int(use.runs).Key("completed").Int(use.completed).Key("ended_for_memory").Int(use.ended_for_memory);
    json.Key("memory_asked_mb").Int(use.asked_mb).Key("memory_used_mb").Double(use.used_mb).Key("memory_fit").String(Name(use.memory));
    json.Key("memory_suggested_mb");
    if (use.suggested_mb > 0) {
      json.Int(use.suggested_mb);
    } else {
      json.Null();
    }
    json.Key("timeout_asked_s").Int(use.asked_s).Key("longest_s").Double(use.longest_s).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

std::string MemoryTable(const Statistics& all, bool on_terminal) {
  std::vector<std::vector<std::string>> rows = {{"  ANALYSIS", "RUNTIME", "RUNS", "ASKED", "USED", "LIMIT IS", "USE INSTEAD"}};
  constexpr size_t kShown = 20;
  for (const AnalysisUse& use : all.analyses) {
    if (rows.size() > kShown) break;
    const bool wrong = use.memory == Fit::kTooHigh || use.memory == Fit::kTooLow;
    const Colour colour = use.memory == Fit::kTooLow ? Colour::kBad : use.memory == Fit::kTooHigh ? Colour::kWarning : Colour::kPlain;
    const char* verdict = use.memory == Fit::kTooHigh ? "far too high" : use.memory == Fit::kTooLow ? "too low" : use.memory == Fit::kGood ? "good" : "-";
    rows.push_back({"  " + Shown(use.name), Shown(use.runtime), fmt::format("{}", use.runs), fmt::format("{} MiB", use.asked_mb),
                    fmt::format("{:.0f} MiB", use.used_mb), Painted(verdict, colour, on_terminal), wrong ? fmt::format("--memory {}", use.suggested_mb) : "-"});
  }
  std::string text = Table(rows, on_terminal);
  if (all.analyses.size() > kShown) text += fmt::format("  {} more are in --json\n", all.analyses.size() - kShown);
  return text;
}

std::string AsText(const Statistics& all, bool on_terminal) {
  if (all.runs == 0) return "no runs\n";
  const auto title = [&](const char* text) { return Painted(text, Colour::kStrong, on_terminal) + "\n"; };
  std::string text = title("Runs");
  for (const auto& [status, count] : all.by_status) text += fmt::format("  {:>8}  {}\n", count, Painted(Name(status), ColourOf(status), on_terminal));
  if (all.ended > 0) text += fmt::format("  {:.1f} ended in an hour, over {}; {:.2f} hours of processors\n", all.ended_per_hour, HumanSeconds(all.span_s), all.cpu_hours);
  const auto line = [&](const char* what, const Percentiles& values) {
    return fmt::format("  {}: half within {}, 90 % within {}, 99 % within {}\n", what, HumanSeconds(values.median), HumanSeconds(values.p90), HumanSeconds(values.p99));
  };
  text += "\n" + title("Times") + line("waited", all.waited_s) + line("lasted", all.lasted_s);
  if (!all.failures.empty()) text += "\n" + title("Why runs did not complete");
  for (const auto& [reason, count] : all.failures) text += fmt::format("  {:>8}  {}\n", count, Name(reason));
  if (!all.analyses.empty()) text += "\n" + title("Memory, asked for and used") + MemoryTable(all, on_terminal);
  return text;
}

Result<int> Stats(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": stats takes flags only");
  std::vector<Problem> problems;
  RunQuery query;
  query.filter.labels = LabelsFrom(arguments, problems);
  query.filter.since_us = MomentFrom(arguments, "since", problems);
  if (problems.size() == 1) return Error(ErrorCode::kInvalidArgument, problems[0].field + " " + problems[0].message);
  if (!problems.empty()) return CommandLineError("stats", std::move(problems));
  RunPage page;
  if (HasState(context)) {
    FH_ASSIGN_OR_RETURN(Store store, OpenStore(context));
    FH_ASSIGN_OR_RETURN(page, store.List(query));
  }
  const Statistics all = Summarise(page.rows, RulesOf(context.config));
  PrintOut(arguments.Has("json") ? AsJson(all) : AsText(all, context.out_is_terminal));
  return 0;
}

}  // namespace

Command StatsCommand() {
  return {.name = "stats", .summary = "How the runs fared: how many, how long they waited, why they failed, whose limits do not fit",
          .flags = {SinceFlag(), LabelFlag(), {.name = "json", .help = "As JSON"}},
          .description = "Runs with the same runtime and the same command, but for the paths of their inputs, count as one analysis. A memory limit is far\n"
                         "too high where it is more than twice what `fumehood suggest` would give.",
          .run = Stats};
}

}  // namespace fumehood
