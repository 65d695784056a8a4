#include "src/cli/run_sight.h"

#include <algorithm>
#include <chrono>

#include "src/cli/time_text.h"
#include "src/engine/engine.h"
#include "src/executor/local/recover.h"
#include "src/record/read_result.h"
#include "src/record/start_event.h"
#include "src/spec/parse.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

void AddFromSpec(const RunDir& run, RunSight& sight) {
  const auto text = ReadFile(run.fd.get(), layout::kSpec);
  if (!text) return;  // not written yet: its launch is going on
  auto spec = ParseSpec(*text, Format::kJson, layout::kSpec);
  if (!spec) return;  // `verify` is who complains
  if (sight.result.name.empty()) sight.result.name = spec->name;
  sight.labels = std::move(spec->labels);
}

void AddFromKeeper(const RunDir& run, RunResult& result) {
  const auto handle = ReadKeeperHandle(run.fd.get());
  if (!handle) return;
  result.started_at = StartedAt(run);
  result.attempt = handle->attempt;
  const auto started = ParseRfc3339(result.started_at);
  if (started) result.usage.wall_s = std::max(0.0, std::chrono::duration<double>(Now() - *started).count());
}

}  // namespace

Result<RunSight> LookAtRun(const std::string& state_dir, const RunId& id) {
  // It goes from the queue to runs/, never back: in this order it is not missed.
  auto waiting = ReadQueueEntry(state_dir, id);
  auto opened = OpenRunDir(state_dir, id);
  if (!opened && opened.error().code() == ErrorCode::kNotFound && waiting) return RunSight{WaitingResult(*waiting), waiting->spec.labels};
  if (!opened) return std::move(opened).error();
  const RunDir run = std::move(opened).value();
  FH_ASSIGN_OR_RETURN(Sight look, Look(run));
  RunSight sight{std::move(look.result), {}};
  AddFromSpec(run, sight);
  if (!IsFinal(sight.result.status)) AddFromKeeper(run, sight.result);
  if (sight.result.submitted_at.empty()) sight.result.submitted_at = SubmittedAt(id);
  return sight;
}

}  // namespace fumehood
