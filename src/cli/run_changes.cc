#include "src/cli/run_changes.h"

#include <fcntl.h>

#include "src/base/text.h"
#include "src/cli/run_sight.h"
#include "src/cli/time_text.h"
#include "src/record/json_reader.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Result<std::string> WorkdirOf(const RunDir& run) {
  FH_ASSIGN_OR_RETURN(const std::string text, ReadFile(run.fd.get(), layout::kResolved));
  FH_ASSIGN_OR_RETURN(JsonReader resolved, JsonReader::Parse(text));
  std::string workdir = resolved.String("workdir");
  if (!workdir.starts_with('/')) return Error(ErrorCode::kCorrupt, "resolved.json names no work directory");
  return workdir;
}

// Before the run began nothing of it can have been seen: the time of submission will do where it never started.
WallTime BeginningOf(const RunResult& result) {
  const auto started = ParseRfc3339(result.started_at);
  const auto submitted = ParseRfc3339(result.submitted_at);
  return started ? *started : submitted.value_or(WallTime());
}

}  // namespace

Result<RunChanges> OpenChanges(const Config& config, const RunId& id) {
  FH_ASSIGN_OR_RETURN(RunSight sight, LookAtRun(config.state_dir, id));
  if (sight.result.attempt == 0) return Error(ErrorCode::kInvalidArgument, "nothing of run " + id + " was executed, so it wrote nothing");
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config.state_dir, id));
  RunChanges changes;
  changes.result = std::move(sight.result);
  FH_ASSIGN_OR_RETURN(changes.workdir, WorkdirOf(run));
  FH_ASSIGN_OR_RETURN(const AttemptDir attempt, OpenLastAttemptDir(run));
  FH_ASSIGN_OR_RETURN(changes.upper, OpenBeneath(attempt.fd.get(), layout::kWork, O_RDONLY | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(changes.project, OpenDir(kHere, changes.workdir));
  FH_ASSIGN_OR_RETURN(changes.difference, DiffAgainstProject(changes.upper.get(), changes.project.get(), BeginningOf(changes.result)));
  return changes;
}

}  // namespace fumehood
