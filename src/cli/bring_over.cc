#include "src/cli/bring_over.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/record/json_text.h"

namespace fumehood {
namespace {

// One answer by a person; the end of the input is a no.
bool Ask(const ApplyStep& step) {
  PrintErr(fmt::format("{} was changed in the work directory after the run had started. {} it? [y/N] ", Quoted(step.change.path),
                       step.action == ApplyAction::kDelete ? "Delete" : "Overwrite"));
  std::string answer;
  for (char c = 0; read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) answer += c;
  return answer == "y" || answer == "Y" || answer == "yes";
}

// What was not asked for is nothing to tell of: it is all the rest of the tree. `asked` holds paths as they were typed.
bool WasAskedFor(const std::string& path, const std::vector<std::string>& asked) {
  return asked.empty() || std::any_of(asked.begin(), asked.end(), [&](std::string_view typed) {
           while (typed.starts_with("./")) typed.remove_prefix(2);
           while (typed.ends_with('/')) typed.remove_suffix(1);
           return typed == "." || path == typed || path.starts_with(std::string(typed) + "/");
         });
}

}  // namespace

Result<Brought> BringOver(const RunChanges& changes, const BringRequest& request) {
  FH_ASSIGN_OR_RETURN(const ApplyPlan plan, PlanApply(changes.difference, request.paths));
  Brought brought;
  if (!request.force && !request.may_ask) {
    for (const ApplyStep& step : plan.steps) {
      if (step.conflict && step.action != ApplyAction::kLeave) brought.conflicts.push_back(step.change.path);
    }
    if (!brought.conflicts.empty()) return brought;
  }
  ApplyOptions options;
  options.force = request.force;
  if (request.may_ask) options.confirm = Ask;
  std::vector<ApplyOutcome> outcomes = Apply(plan, changes.upper.get(), changes.project.get(), options);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const bool acted = outcomes[i].state != ApplyState::kLeft;
    if (acted || WasAskedFor(outcomes[i].path, request.paths)) brought.outcomes.push_back(std::move(outcomes[i]));
  }
  return brought;
}

Error ConflictError(const RunId& id, const std::vector<std::string>& conflicts) {
  constexpr size_t kNamed = 10;
  std::vector<std::string> names;
  for (size_t i = 0; i < conflicts.size() && i < kNamed; ++i) names.push_back(Quoted(conflicts[i]));
  const size_t more = conflicts.size() - names.size();
  return Error(ErrorCode::kAlreadyExists,
               fmt::format("nothing was brought over: {}{} changed in the work directory after the run had started. `fumehood diff {}` shows "
                           "them. `fumehood apply --force {}` overwrites them; to leave them as they are, name the other paths",
                           Join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : "", id, id));
}

std::string BroughtReport(const RunChanges& changes, const Brought& brought, bool on_terminal) {
  std::string rest;
  size_t done = 0;
  for (const ApplyOutcome& outcome : brought.outcomes) {
    if (outcome.state == ApplyState::kDone) {
      ++done;
      continue;
    }
    const bool failed = outcome.state == ApplyState::kFailed;
    rest += fmt::format("  {} {}: {}\n", Painted(failed ? "failed" : "left", failed ? Colour::kBad : Colour::kWarning, on_terminal),
                        Quoted(outcome.path), outcome.message);
  }
  return fmt::format("{} of the run's changes brought into {}\n", done, Quoted(changes.workdir)) + rest;
}

std::string BroughtJson(const RunId& id, const RunChanges& changes, const Brought& brought) {
  JsonWriter json;
  json.BeginObject().Key("run_id").String(id);
  WriteText(json, "workdir", changes.workdir);
  json.Key("paths").BeginArray();
  constexpr const char* kStates[] = {"done", "left", "failed"};
  for (const ApplyOutcome& outcome : brought.outcomes) {
    json.BeginObject();
    WriteText(json, "path", outcome.path);
    json.Key("state").String(kStates[static_cast<size_t>(outcome.state)]).Key("message").String(outcome.message).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

bool AnyFailed(const Brought& brought) {
  return std::any_of(brought.outcomes.begin(), brought.outcomes.end(),
                     [](const ApplyOutcome& outcome) { return outcome.state == ApplyState::kFailed; });
}

}  // namespace fumehood
