#include "src/cli/pipeline_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/record/json_text.h"

namespace fumehood {
namespace {

constexpr size_t kNamed = 5;

std::string WorkOf(const Config& config, const RunId& run) { return fmt::format("{}/{}/{}/{}", config.state_dir, layout::kRuns, run, layout::kWork); }


Colour ColourOfWord(const std::string& word) {
  if (word == "up to date") return Colour::kGood;
  if (word == "failed") return Colour::kBad;
  return word == "waits" ? Colour::kFaint : Colour::kWarning;
}

std::string Named(const std::vector<std::string>& names) {
  std::vector<std::string> shown(names.begin(), names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), kNamed)));
  return Join(shown, ", ") + (names.size() > kNamed ? fmt::format(" and {} more", names.size() - kNamed) : "");
}

std::vector<std::string> IdsIn(const PipelinePlan& plan, const PipelineOutcome& outcome, StepState state) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (outcome.steps[i].state == state) ids.push_back(plan.steps[i].id);
  }
  return ids;
}

std::string Counts(const PipelinePlan& plan, const PipelineOutcome& outcome) {
  std::string text =
      fmt::format("{} steps: {} run, {} up to date", plan.steps.size(), outcome.Count(StepState::kCompleted), outcome.Count(StepState::kUpToDate));
  const size_t failed = outcome.Count(StepState::kFailed);
  const size_t left = outcome.Count(StepState::kLeft);
  const size_t not_started = outcome.Count(StepState::kNeedsFailed) + outcome.Count(StepState::kWaiting);
  if (failed > 0) text += fmt::format(", {} failed", failed);
  if (left > 0) text += fmt::format(", {} go on", left);
  if (not_started > 0) text += fmt::format(", {} not started", not_started);
  return text;
}

// The outputs of the steps that no other needs.
std::string Results(const PipelinePlan& plan, const PipelineOutcome& outcome, const Config& config) {
  constexpr size_t kMostSteps = 20;
  std::string text = "results:\n";
  const std::vector<size_t> last = LastSteps(plan);
  for (size_t i = 0; i < std::min(last.size(), kMostSteps); ++i) {
    const RunId& run = outcome.steps[last[i]].run;
    std::vector<std::string> names;
    if (const auto outputs = OpenOutputs(config.state_dir, run)) {
      for (const OutputFile& file : outputs->files) names.push_back(Quoted(file.path));
    }
    text += fmt::format("  {}: {} in {}\n", plan.steps[last[i]].id, names.empty() ? "no files" : Named(names), WorkOf(config, run));
  }
  if (last.size() > kMostSteps) text += fmt::format("  and those of {} more steps\n", last.size() - kMostSteps);
  return text;
}

std::string FailuresText(const PipelinePlan& plan, const PipelineOutcome& outcome, bool on_terminal) {
  std::string text;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const StepOutcome& step = outcome.steps[i];
    if (step.state != StepState::kFailed) continue;
    const std::string run = step.run.empty() ? "" : fmt::format(", run {}", step.run);
    text += fmt::format("{} {}{}: {}\n", Painted("failed:", Colour::kBad, on_terminal), plan.steps[i].id, run, step.notes);
    if (!step.run.empty()) text += fmt::format("  `fumehood logs --stderr {}` shows what it printed\n", step.run);
  }
  const auto behind = IdsIn(plan, outcome, StepState::kNeedsFailed);
  if (!behind.empty()) text += fmt::format("not started, since they need what failed: {}\n", Named(behind));
  const auto waiting = IdsIn(plan, outcome, StepState::kWaiting);
  if (!waiting.empty())
    text +=
        fmt::format("not started: {}{}\n", Named(waiting), text.empty() ? "" : " (`--keep-going` starts what does not need the step that failed)");
  const auto left = IdsIn(plan, outcome, StepState::kLeft);
  if (!left.empty()) text += fmt::format("going on by themselves: {}\n", Named(left));
  return text;
}

}  // namespace

std::string StandingWord(const StepStanding& standing) {
  if (standing.judgement.verdict == StepVerdict::kUpToDate) return "up to date";
  if (standing.judgement.verdict == StepVerdict::kInFlight) return "running";
  if (!standing.problem.empty() || standing.judgement.failed) return "failed";
  if (standing.waits) return "waits";
  return "to run";
}

std::string StandingReport(const PipelinePlan& plan, const std::vector<StepStanding>& standings, bool why, bool on_terminal) {
  std::vector<std::vector<std::string>> rows = {{"STEP", "STATE", "RUN"}};
  if (why) rows[0].emplace_back("WHY");
  std::map<std::string, size_t> counts;
  for (const size_t index : plan.order) {
    const StepStanding& standing = standings[index];
    const std::string word = StandingWord(standing);
    ++counts[word];
    const RunId& run = standing.judgement.run.empty() ? standing.last_run : standing.judgement.run;
    rows.push_back({plan.steps[index].id, Painted(word, ColourOfWord(word), on_terminal), run.empty() ? "-" : run});
    if (why) rows.back().push_back(Shown(standing.judgement.why));
  }
  std::vector<std::string> parts;
  for (const auto& [word, count] : counts) parts.push_back(fmt::format("{} {}", count, word));
  return Table(rows, on_terminal) + fmt::format("{} steps: {}\n", plan.steps.size(), Join(parts, ", "));
}

std::string StandingJson(const PipelinePlan& plan, const PipelinePlace& place, const std::vector<StepStanding>& standings) {
  JsonWriter json;
  json.BeginObject().Key("pipeline").String(plan.name).Key("id").String(place.id);
  WriteText(json, "file", place.file);
  json.Key("steps").BeginArray();
  for (const size_t index : plan.order) {
    const StepStanding& standing = standings[index];
    json.BeginObject().Key("id").String(plan.steps[index].id).Key("state").String(StandingWord(standing));
    json.Key("run_id").String(standing.judgement.run.empty() ? standing.last_run : standing.judgement.run).Key("why").String(standing.judgement.why);
    json.Key("key").String(standing.judgement.key).Key("needs").BeginArray();
    for (const size_t need : plan.steps[index].needs) json.String(plan.steps[need].id);
    json.EndArray().EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

std::string StepLine(const PipelinePlan& plan, const PipelineOutcome& outcome, size_t index, bool on_terminal) {
  const StepOutcome& step = outcome.steps[index];
  const std::string& id = plan.steps[index].id;
  switch (step.state) {
    case StepState::kRunning:
      return fmt::format("fumehood: {}: run {}: {}\n", id, step.run, step.joined ? "was started before, and is waited for" : Shown(step.why));
    case StepState::kCompleted:
      return fmt::format("fumehood: {}: {} in {}{}\n", id, Painted("done", Colour::kGood, on_terminal), HumanSeconds(step.wall_s),
                         step.notes.empty() ? "" : "; " + step.notes);
    case StepState::kFailed: return fmt::format("fumehood: {}: {}: {}\n", id, Painted("failed", Colour::kBad, on_terminal), step.notes);
    default: return "";
  }
}

std::string ProgressText(const PipelinePlan& plan, const PipelineOutcome& outcome) {
  const auto running = IdsIn(plan, outcome, StepState::kRunning);
  const size_t failed = outcome.Count(StepState::kFailed);
  std::string text =
      fmt::format("{} of {} steps done", outcome.Count(StepState::kCompleted) + outcome.Count(StepState::kUpToDate), plan.steps.size());
  if (failed > 0) text += fmt::format(", {} failed", failed);
  constexpr size_t kRoom = 100;  // of a row, as a rule
  if (!running.empty()) text += fmt::format(", {} running: {}", running.size(), Named(running));
  size_t end = std::min(text.size(), kRoom);
  while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;  // never within a character of UTF-8
  return text.substr(0, end);
}

std::string OutcomeReport(const PipelinePlan& plan, const PipelineOutcome& outcome, const Config& config, const std::string& file, bool on_terminal) {
  std::string text = fmt::format("pipeline {}: {}\n", Shown(plan.name), Counts(plan, outcome));
  text += FailuresText(plan, outcome, on_terminal);
  if (outcome.AllDone()) return text + Results(plan, outcome, config);
  return text + fmt::format("`fumehood pipeline resume {}` goes on from here\n", Shown(file));
}

std::string OutcomeJson(const PipelinePlan& plan, const PipelinePlace& place, const PipelineOutcome& outcome, const Config& config) {
  JsonWriter json;
  json.BeginObject().Key("pipeline").String(plan.name).Key("id").String(place.id);
  WriteText(json, "file", place.file);
  json.Key("complete").Bool(outcome.AllDone()).Key("signal").Int(outcome.signal).Key("counts").BeginObject();
  for (const StepState state :
       {StepState::kCompleted, StepState::kUpToDate, StepState::kFailed, StepState::kNeedsFailed, StepState::kLeft, StepState::kWaiting}) {
    json.Key(Name(state)).Int(static_cast<int64_t>(outcome.Count(state)));
  }
  json.EndObject().Key("steps").BeginArray();
  const std::vector<size_t> last = LastSteps(plan);
  for (const size_t index : plan.order) {
    const StepOutcome& step = outcome.steps[index];
    json.BeginObject().Key("id").String(plan.steps[index].id).Key("state").String(Name(step.state)).Key("run_id").String(step.run);
    json.Key("why").String(step.why).Key("notes").String(step.notes).Key("joined").Bool(step.joined);
    json.Key("last").Bool(std::find(last.begin(), last.end(), index) != last.end());
    WriteText(json, "work_dir", step.run.empty() ? "" : WorkOf(config, step.run));
    json.EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

}  // namespace fumehood
