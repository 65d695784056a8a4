// fumehood suggest
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_store.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"
#include "src/store/suggest.h"

namespace fumehood {
namespace {

std::string AsJson(const Suggestion& suggestion) {
  JsonWriter json;
  json.BeginObject().Key("analysis").String(suggestion.analysis).Key("past_runs").Int(suggestion.past_runs).Key("input_bytes");
  if (suggestion.input_bytes >= 0) {
    json.Int(suggestion.input_bytes);
  } else {
    json.Null();
  }
  json.Key("suggestion");
  if (!suggestion.prediction) return json.Null().EndObject().Take() + "\n";
  const Prediction& found = *suggestion.prediction;
  json.BeginObject().Key("memory_limit_mb").Int(found.memory_limit_mb).Key("cpu_quota").Double(found.cpu_quota);
  json.Key("pids_limit").Int(found.pids_limit).Key("timeout_seconds").Int(found.timeout_seconds).EndObject();
  json.Key("evidence").BeginObject().Key("completed").Int(found.completed).Key("ended_for_memory").Int(found.ended_for_memory);
  json.Key("memory_peak_mb").BeginObject().Key("lowest").Double(found.lowest_mb).Key("median").Double(found.median_mb);
  json.Key("highest").Double(found.highest_mb).EndObject().Key("longest_s").Double(found.longest_s);
  json.Key("basis").String(found.basis == Basis::kGrowth ? "growth" : "highest").Key("mb_per_gib").Double(found.mb_per_gib);
  json.Key("memory_margin").Double(found.margin).Key("capped").Bool(found.capped).Key("runs").BeginArray();
  for (const RunId& id : found.runs) json.String(id);
  return json.EndArray().EndObject().EndObject().Take() + "\n";
}

std::string AsText(const Suggestion& suggestion) {
  if (!suggestion.prediction) {
    return fmt::format("too little is known: {} past runs of this analysis (the same runtime and command, whatever the inputs), and {} of them must have completed\n",
                       suggestion.past_runs, PredictRules().enough_runs);
  }
  const Prediction& found = *suggestion.prediction;
  std::string text = fmt::format("--memory {} --cpus {} --pids {} --timeout {}\n\n", found.memory_limit_mb, found.cpu_quota, found.pids_limit, found.timeout_seconds);
  text += found.Evidence() + "\n";
  constexpr size_t kShown = 5;
  std::vector<std::string> ids(found.runs.begin(), found.runs.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, found.runs.size())));
  return text + "read from " + Join(ids, ", ") + (found.runs.size() > kShown ? fmt::format(" and {} more\n", found.runs.size() - kShown) : "\n");
}

Result<int> Suggest(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(arguments, context.config, context.submitter));
  Suggestion suggestion;
  if (HasState(context)) {
    FH_ASSIGN_OR_RETURN(Store store, OpenStore(context));
    FH_ASSIGN_OR_RETURN(suggestion, SuggestFor(store, given.spec, context.submitter.cwd, context.config));
  }
  PrintOut(context.json ? AsJson(suggestion) : AsText(suggestion));
  return suggestion.prediction ? 0 : kExitIncomplete;
}

}  // namespace

Command SuggestCommand() {
  Command command{.name = "suggest", .summary = "Limits for an analysis, from what its past runs have used", .positional = "[SPEC] [-- COMMAND...]",
                  .flags = SpecFlags(),
                  .description = "Past runs of the same analysis have the same runtime and the same command; the paths of inputs and databases do not count, their\n"
                                 "sizes do. The exit code is 1 where too few of them have completed.",
                  .run = Suggest, .tells_problems = true};
  command.flags.push_back({.name = "json", .help = "As JSON"});
  return command;
}

}  // namespace fumehood
