#include "src/cli/pipeline_results.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/bring_over.h"
#include "src/cli/terminal.h"
#include "src/record/read_result.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_not_of('/') == std::string::npos ? 0 : path.rfind('/', path.find_last_not_of('/'));
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}


// Two steps that leave a file of the same name: neither may take the other's place.
Result<void> AreApart(const PipelinePlan& plan, const PipelineOutcome& outcome, const std::string& state_dir) {
  std::map<std::string, std::string> owners;
  for (const size_t step : LastSteps(plan)) {
    FH_ASSIGN_OR_RETURN(const RunOutputs outputs, OpenOutputs(state_dir, outcome.steps[step].run));
    for (const OutputFile& file : outputs.files) {
      const auto [owner, added] = owners.emplace(file.path, plan.steps[step].id);
      if (!added) {
        return Error(ErrorCode::kAlreadyExists,
                     fmt::format("nothing was brought over: both {} and {} give {}. Take it from each run: `fumehood apply RUN PATH`", owner->second,
                                 plan.steps[step].id, Quoted(file.path)));
      }
    }
  }
  return {};
}

Result<RunChanges> ChangesFor(const RunId& run, const std::string& directory, const Config& config) {
  FH_ASSIGN_OR_RETURN(const RunDir run_dir, OpenRunDir(config.state_dir, run));
  RunChanges changes;
  FH_ASSIGN_OR_RETURN(changes.result, ReadResult(run_dir.fd.get()));
  changes.workdir = directory;
  FH_ASSIGN_OR_RETURN(RunOutputs outputs, OpenOutputs(config.state_dir, run));
  changes.upper = std::move(outputs.work);
  FH_ASSIGN_OR_RETURN(changes.project, OpenDir(kHere, directory));
  FH_ASSIGN_OR_RETURN(changes.difference,
                      DiffAgainstProject(changes.upper.get(), changes.project.get(), ParseRfc3339(changes.result.started_at).value_or(WallTime())));
  // What else the run left in its work directory is no result.
  std::set<std::string> wanted;
  for (const OutputFile& file : outputs.files) wanted.insert(file.path);
  std::erase_if(changes.difference.changes, [&](const Change& change) { return !wanted.contains(change.path); });
  return changes;
}

}  // namespace

Result<void> CheckResultsDir(const std::string& directory) {
  const auto there = FindStat(kHere, directory, true);
  if (there && *there) {
    if (!S_ISDIR((*there)->st_mode)) return Error(ErrorCode::kInvalidArgument, fmt::format("--out {}: is not a directory", Quoted(directory)));
    if (access(directory.c_str(), W_OK | X_OK) != 0)
      return Error(ErrorCode::kInvalidArgument, fmt::format("--out {}: you cannot write to it", Quoted(directory)));
    return {};
  }
  const std::string parent = ParentOf(directory);
  if (access(parent.c_str(), W_OK | X_OK) == 0) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("--out {}: it is not there, and cannot be made in {}", Quoted(directory), Quoted(parent)));
}

Result<int> BringResults(const PipelinePlan& plan, const PipelineOutcome& outcome, const std::string& directory, bool force, Context& context) {
  if (const auto there = FindStat(kHere, directory, true); there && !*there) FH_TRY(MakeDir(kHere, directory, 0777));
  FH_TRY(AreApart(plan, outcome, context.config.state_dir));
  int code = 0;
  for (const size_t step : LastSteps(plan)) {
    const RunId& run = outcome.steps[step].run;
    FH_ASSIGN_OR_RETURN(const RunChanges changes, ChangesFor(run, directory, context.config));
    BringRequest request;
    request.force = force;
    request.may_ask = context.in_is_terminal && context.err_is_terminal;
    for (const Change& change : changes.difference.changes) request.paths.push_back(change.path);
    if (request.paths.empty()) continue;  // all is there already
    FH_ASSIGN_OR_RETURN(const Brought brought, BringOver(changes, request));
    if (!brought.conflicts.empty()) {
      std::vector<std::string> names;
      for (const std::string& path : brought.conflicts) names.push_back(Quoted(path));
      Tell(Error(ErrorCode::kAlreadyExists,
                 fmt::format("the results of {} were not brought over: {} changed in {} after its run had started; --force overwrites",
                             plan.steps[step].id, Join(names, ", "), Quoted(directory))),
           context);
      code = kExitIncomplete;
      continue;
    }
    if (AnyFailed(brought)) code = kExitIncomplete;
    if (!context.json || AnyFailed(brought))
      PrintErr(fmt::format("fumehood: {}: {}", plan.steps[step].id, BroughtReport(changes, brought, context.err_is_terminal)));
  }
  return code;
}

}  // namespace fumehood
