#include "src/engine/pipeline_find_run.h"

#include <algorithm>
#include <chrono>

#include "src/base/ulid.h"
#include "src/engine/queue_entry.h"
#include "src/record/list_runs.h"
#include "src/record/queue_file.h"
#include "src/record/run_dir.h"
#include "src/spec/parse.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

bool IsOfIntent(const AnalysisSpec& spec, const std::string& intent) {
  const auto label = spec.labels.find("intent");
  return label != spec.labels.end() && label->second == intent;
}

}  // namespace

Result<std::optional<RunId>> WalkForRunOfIntent(const std::string& state_dir, const std::string& intent) {
  if (!IsRunId(intent)) return std::optional<RunId>();
  // The clock may have been set back a little between the two ids.
  const WallTime since = TimeOfRunId(intent) - std::chrono::hours(1);
  // A run goes from the queue to runs/, never back: in this order it is not missed.
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(state_dir));
  for (const RunId& id : waiting) {
    const auto entry = ReadQueueEntry(state_dir, id);
    if (entry && IsOfIntent(entry->spec, intent)) return std::optional<RunId>(id);
  }
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> ids, ListRuns(state_dir));
  for (auto id = ids.rbegin(); id != ids.rend() && TimeOfRunId(*id) >= since; ++id) {
    const auto run = OpenRunDir(state_dir, *id);
    if (!run) continue;  // removed meanwhile
    const auto text = ReadFile(run->fd.get(), layout::kSpec);
    if (!text) continue;
    const auto spec = ParseSpec(*text, Format::kJson, layout::kSpec);
    if (spec && IsOfIntent(*spec, intent)) return std::optional<RunId>(*id);
  }
  return std::optional<RunId>();
}

}  // namespace fumehood
