#include "src/store/waiting_rows.h"

#include "src/record/json_reader.h"
#include "src/record/queue_file.h"
#include "src/record/run_dir.h"
#include "src/spec/parse.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// What stands in the file is the engine's (src/engine/queue_entry.h); of it no more is needed here than the spec and the key.
Result<std::optional<RunRow>> ReadWaiting(const std::string& state_dir, const RunId& id) {
  const auto text = ReadQueueFile(state_dir, id);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::optional<RunRow>();
  if (!text) return text.error();
  RunRow row;
  row.id = id;
  auto entry = JsonReader::Parse(*text);
  const auto spec = entry ? ParseSpec(entry->String("spec"), Format::kJson, "spec") : Result<AnalysisSpec>(entry.error());
  const auto info = FindStat(kHere, state_dir + "/" + layout::kQueue, false);
  row = RowOfSpec(id, spec ? *spec : AnalysisSpec(), info && *info ? static_cast<int64_t>((*info)->st_uid) : -1);
  if (entry && entry->Has("idempotency_key")) row.idempotency_key = entry->String("idempotency_key");
  return std::optional(std::move(row));
}

}  // namespace

WaitingRuns WaitingInQueue(const std::string& state_dir) {
  return {.list = [state_dir] { return ListWaiting(state_dir); }, .read = [state_dir](const RunId& id) { return ReadWaiting(state_dir, id); }};
}

}  // namespace fumehood
