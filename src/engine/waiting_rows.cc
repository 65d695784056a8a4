#include "src/engine/waiting_rows.h"

#include <unistd.h>

#include "src/engine/queue_entry.h"
#include "src/record/queue_file.h"

namespace fumehood {

WaitingRuns WaitingRunsOf(const std::string& state_dir) {
  WaitingRuns waiting;
  waiting.list = [state_dir] { return ListWaiting(state_dir); };
  waiting.read = [state_dir](const RunId& id) -> Result<std::optional<RunRow>> {
    auto entry = ReadQueueEntry(state_dir, id);
    if (!entry && entry.error().code() == ErrorCode::kNotFound) return std::optional<RunRow>();
    if (!entry) return std::move(entry).error();
    RunRow row = RowOfSpec(id, entry->spec, geteuid());
    row.idempotency_key = entry->idempotency_key;
    row.rerun_of = entry->rerun_of;
    return std::optional(std::move(row));
  };
  return waiting;
}

}  // namespace fumehood
