#include "src/engine/unstarted.h"

#include <unistd.h>

#include <cerrno>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/ulid.h"
#include "src/record/change_log.h"
#include "src/record/closing.h"
#include "src/record/event_log.h"
#include "src/record/json_text.h"
#include "src/record/queue_file.h"
#include "src/record/result_json.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/spec/print.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Result<RunResult> Write(const std::string& state_dir, const RunDir& run, const QueueEntry& entry, RunResult result) {
  result.run_id = entry.run_id;
  result.name = entry.spec.name;
  result.submitted_at = Rfc3339(TimeOfRunId(entry.run_id));
  result.finished_at = Rfc3339(Now());
  result.attempt = 0;
  result.run_dir = state_dir + "/" + layout::kRuns + "/" + entry.run_id;
  FH_TRY(WriteFileAtomically(run.fd.get(), layout::kSpec, PrintSpec(entry.spec, Format::kJson), 0600, Durability::kNow));
  FH_ASSIGN_OR_RETURN(EventLog events, EventLog::Open(run.fd.get()));
  JsonWriter submitted;
  submitted.Key("run_id").String(entry.run_id).Key("name").String(entry.spec.name).Key("uid").Int(geteuid());
  submitted.Key("executor").String("local");
  WriteText(submitted, "cwd", entry.submitter.cwd);
  if (!entry.idempotency_key.empty()) submitted.Key("idempotency_key").String(entry.idempotency_key);
  if (!entry.rerun_of.empty()) submitted.Key("rerun_of").String(entry.rerun_of);
  FH_TRY(events.Append("submitted", submitted.text()));
  JsonWriter ended;
  ended.Key("status").String(Name(result.status)).Key("reason").String(Name(result.reason)).Key("notes").String(result.completion_notes);
  FH_TRY(events.Append("ended", ended.text()));
  const std::string text = PrintResult(result) + "\n";
  FH_ASSIGN_OR_RETURN(RecordedFile spec, DigestRecordedFile(run.fd.get(), layout::kSpec));
  FH_TRY(AppendClosing(events, {std::move(spec), {layout::kResult, static_cast<int64_t>(text.size()), Sha256Hex(text)}}));
  FH_TRY(events.Sync());
  FH_TRY(PublishResult(run.fd.get(), result, Durability::kNow));
  return result;
}

}  // namespace

Result<RunResult> RecordUnstarted(const std::string& state_dir, const QueueEntry& entry, RunStatus status, Reason reason, std::string notes) {
  const std::string token = NewRunId();
  FH_ASSIGN_OR_RETURN(RunDir run, CreateStagedRun(state_dir, token));
  RunResult wanted;
  wanted.status = status;
  wanted.reason = reason;
  wanted.completion_notes = std::move(notes);
  auto result = Write(state_dir, run, entry, std::move(wanted));
  NoteChange(state_dir, entry.run_id, change::kBegins);  // announced, since it comes before the directory does
  Result<void> published = result ? PublishRun(state_dir, entry.run_id, run) : Result<void>(result.error());
  if (!published) {
    (void)DiscardStagedRun(state_dir, token);
    if (published.error().errno_value() == EEXIST) return Error(ErrorCode::kAlreadyExists, "run " + entry.run_id + " was started meanwhile");
    return std::move(published).error();
  }
  FH_TRY(SyncRuns(state_dir));
  FH_TRY(RemoveQueueFile(state_dir, entry.run_id));
  return result;
}

Reason ReasonOfFailedStart(const Error& error) {
  for (const Problem& problem : error.problems()) {
    if (problem.field.starts_with("inputs") || problem.field.starts_with("databases") || problem.field.starts_with("stdin")) return Reason::kInputMissing;
    if (problem.field.starts_with("runtime")) return Reason::kRuntimeUnhealthy;
  }
  if (!error.problems().empty() || error.code() == ErrorCode::kInvalidArgument) return Reason::kSubmitInvalid;
  if (IsTransient(error)) return Reason::kSubmitTransient;
  return Reason::kSetupFailed;
}

bool IsTransient(const Error& error) {
  switch (error.errno_value()) {
    case ENOSPC: case EDQUOT: case EAGAIN: case ENOMEM: case EMFILE: case ENFILE: case EBUSY: return true;
    default: return error.code() == ErrorCode::kResourceExhausted || error.code() == ErrorCode::kUnavailable;
  }
}

std::string NotesOfFailedStart(const Error& error) {
  std::string notes = "not started: when its turn had come, " + error.message();
  for (const Problem& problem : error.problems()) notes += "; " + (problem.field.empty() ? "" : problem.field + " ") + problem.message;
  return notes + ". Mend that and run it again: `fumehood rerun`.";
}

}  // namespace fumehood
