#include "src/executor/local/recover.h"

#include <unistd.h>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/ulid.h"
#include "src/executor/local/attempts.h"
#include "src/executor/local/local_executor.h"
#include "src/hood/cgroup.h"
#include "src/keeper/disk_quota.h"
#include "src/keeper/wake_dispatcher.h"
#include "src/record/capped_log.h"
#include "src/record/change_log.h"
#include "src/record/closing.h"
#include "src/record/queue_file.h"
#include "src/record/read_result.h"
#include "src/record/sha256.h"
#include "src/record/start_event.h"
#include "src/record/tmp_removal.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

bool IsAbsent(const Error& error) { return error.code() == ErrorCode::kNotFound; }

RunResult Unfinished(const RunDir& run, RunStatus status) {
  RunResult result;
  result.run_id = run.id;
  result.status = status;
  result.run_dir = run.path;
  result.stdout_path = run.path + "/" + layout::kStdout;
  result.stderr_path = run.path + "/" + layout::kStderr;
  result.log_path = run.path + "/" + layout::kExecutionLog;
  return result;
}

CgroupPlace PlaceOf(const KeeperHandle& handle) {
  CgroupPlace place;
  place.version = handle.cgroup_version == "v2" ? CgroupVersion::kV2 : handle.cgroup_version == "v1" ? CgroupVersion::kV1 : CgroupVersion::kNone;
  place.v2_parent = handle.cgroup_v2_parent;
  place.v2_kill_parent = handle.cgroup_v2_kill_parent;
  place.v1_parents = handle.cgroup_v1_parents;
  return place;
}

}  // namespace

Result<void> EndWhatIsLeft(const KeeperHandle& handle) {
  const CgroupPlace place = PlaceOf(handle);
  if (place.version == CgroupVersion::kNone) return {};
  FH_ASSIGN_OR_RETURN(auto cgroup, RunCgroup::Find(place, handle.cgroup_name));
  if (!cgroup) return {};
  FH_TRY(cgroup->KillAll());
  return cgroup->Remove();
}

namespace {

std::string Notes(const std::optional<KeeperHandle>& handle, bool executed) {
  if (!handle || !executed) {
    return "lost: the program that submitted it, or its keeper process, ended before the analysis could start. Nothing was executed; "
           "submit it again.";
  }
  const auto boot = BootId();
  if (boot && *boot != handle->process.boot_id) {
    return "lost: the machine was restarted while it ran. What it had written is in its work directory; submit it again.";
  }
  return "lost: its keeper process ended before it could publish a result (killed, or its disk was full), and the run was ended with "
         "it. What it had written is in its work directory; submit it again.";
}

struct LostRecord {
  const RunDir& run;
  EventLog& events;
  std::optional<KeeperHandle> handle;
};

// `seen`: how it had ended before its keeper was lost; empty: nobody knows.
Result<RunResult> RecordLoss(LostRecord lost, std::optional<RunResult> seen) {
  RunResult result = seen ? std::move(*seen) : Unfinished(lost.run, RunStatus::kFailed);
  if (!seen) {
    result.reason = Reason::kHostLost;
    result.started_at = StartedAt(lost.run);
    result.completion_notes = Notes(lost.handle, !result.started_at.empty());
    result.finished_at = Rfc3339(Now());
  }
  if (lost.handle) {
    result.attempt = lost.handle->attempt;
    FH_TRY(EndWhatIsLeft(*lost.handle));
    FH_ASSIGN_OR_RETURN(const AttemptDir attempt, OpenAttemptDir(lost.run, lost.handle->attempt));
    GiveReserveBack(attempt);
    for (const char* name : {layout::kStdout, layout::kStderr}) (void)FinishCappedLog(attempt.fd.get(), name);  // as far as they go
    LiftDiskQuota(attempt.fd.get());
    (void)RemoveTmp(attempt.fd.get(), lost.handle->attempt, lost.events);  // it says itself what it could not do
  }
  FH_TRY(PrepareResult(lost.run.fd.get(), result));  // first: this process, too, may be ended in between
  JsonWriter members;
  members.Key("status").String(Name(result.status)).Key("reason").String(Name(result.reason)).Key("notes").String(result.completion_notes);
  FH_TRY(lost.events.Append("ended", members.text()));
  const std::string text = PrintResult(result) + "\n";
  FH_TRY(AppendClosing(lost.events, {{layout::kResult, static_cast<int64_t>(text.size()), Sha256Hex(text)}}));
  FH_TRY(PublishPreparedResult(lost.run.fd.get()));
  NoteChange(StateDirOf(lost.run), lost.run.id, change::kEnded);
  return result;
}

Result<std::optional<KeeperHandle>> FindHandle(const RunDir& run) {
  auto handle = ReadKeeperHandle(run.fd.get());
  if (handle) return std::optional(std::move(handle).value());
  if (IsAbsent(handle.error())) return std::optional<KeeperHandle>();
  return std::move(handle).error();
}

Sight Pending(const RunDir& run) { return Sight{Unfinished(run, RunStatus::kPending), Fd()}; }

// What the keeper was about to publish when it was ended: whole, and true.
std::optional<RunResult> FindPrepared(const RunDir& run, std::string& text) {
  auto file = FindFile(run.fd.get(), layout::kPrepared, size_t{1} << 30);
  if (!file || !*file) return std::nullopt;
  text = std::move(**file);
  auto result = ParseResult(text);
  if (!result) return std::nullopt;
  return std::move(result).value();
}

Result<RunResult> PublishWhatWasPrepared(LostRecord& lost, RunResult result, const std::string& text, const ToldSoFar& told) {
  if (lost.handle) FH_TRY(EndWhatIsLeft(*lost.handle));
  const std::string digest = Sha256Hex(text);
  if (told.closed_result != digest) {
    if (!told.ended) {
      JsonWriter members;
      members.Key("status").String(Name(result.status)).Key("reason").String(Name(result.reason));
      FH_TRY(lost.events.Append("ended", members.text()));
    }
    FH_TRY(AppendClosing(lost.events, {{layout::kResult, static_cast<int64_t>(text.size()), digest}}));
  }
  FH_TRY(PublishPreparedResult(lost.run.fd.get()));
  return result;
}

// Its end was seen and judged; only the telling of it was cut off.
RunResult FromEvidence(const RunDir& run, const AttemptExit& exit) {
  RunResult result = Unfinished(run, RunStatus::kFailed);
  result.reason = exit.reason;
  if (exit.reason == Reason::kExited && exit.code == 0) result.status = RunStatus::kCompleted;
  if (exit.reason == Reason::kCancelled) result.status = RunStatus::kKilled;
  result.exit_code = exit.code;
  result.signal = exit.signal;
  result.started_at = exit.started_at;
  result.finished_at = exit.finished_at;
  result.usage = exit.usage;
  result.attempt = exit.attempt;
  result.submitted_at = Rfc3339(TimeOfRunId(run.id));
  if (auto outputs = ReadOutputs(run.fd.get())) result.outputs = std::move(outputs->files);
  result.completion_notes = "Its keeper process was ended while it recorded this end, which is read from the evidence that it had written: " + exit.evidence + ".";
  return result;
}

// Queued for another attempt: the evidence, the event, the file, in this order, as the keeper does it.
Result<Sight> LeaveToNextAttempt(LostRecord& lost, const RetryRecord& record) {
  if (lost.handle) FH_TRY(EndWhatIsLeft(*lost.handle));
  if (!record.attempts.last_ended) {
    FH_ASSIGN_OR_RETURN(const AttemptDir attempt, OpenAttemptDir(lost.run, record.attempts.last));
    GiveReserveBack(attempt);
    for (const char* name : {layout::kStdout, layout::kStderr}) (void)FinishCappedLog(attempt.fd.get(), name);
    LiftDiskQuota(attempt.fd.get());
    (void)RemoveTmp(attempt.fd.get(), record.attempts.last, lost.events);
    AttemptExit exit;
    exit.attempt = record.attempts.last;
    exit.reason = Reason::kHostLost;
    exit.evidence = "its keeper process has gone, and left no evidence";
    exit.finished_at = Rfc3339(Now());
    FH_TRY(PublishExit(attempt.fd.get(), exit, Durability::kNow));
    JsonWriter members;
    members.Key("attempt").Int(record.attempts.last).Key("reason").String(Name(Reason::kHostLost)).Key("notes").String(exit.evidence);
    FH_TRY(lost.events.Append(kAttemptEndedEvent, members.text()));
    FH_TRY(lost.events.Sync());
  }
  FH_ASSIGN_OR_RETURN(const std::string entry, ReadFile(lost.run.fd.get(), layout::kQueued, size_t{128} << 20));
  const std::string state_dir = StateDirOf(lost.run);
  const Result<void> queued = PutQueueFile(state_dir, lost.run.id, entry);
  if (!queued && queued.error().code() != ErrorCode::kAlreadyExists) return queued.error();
  NoteChange(state_dir, lost.run.id, change::kQueued);
  (void)WakeDispatcher(state_dir, FindDispatcherProgram(state_dir, CurrentSubmitter().env));  // whoever looks next tries again
  return Pending(lost.run);
}

Result<Sight> Finalize(const RunDir& run, std::optional<KeeperHandle> handle) {
  auto events = EventLog::Open(run.fd.get());
  // Somebody writes it: a keeper that has just begun, or another who noticed the loss.
  if (!events && events.error().code() == ErrorCode::kUnavailable) return Pending(run);
  if (!events) return std::move(events).error();
  auto late = ReadResult(run.fd.get());
  if (late) return Sight{std::move(late).value(), Fd()};
  LostRecord lost{run, *events, std::move(handle)};
  const ToldSoFar told = ReadToldSoFar(run);
  std::string text;
  if (auto prepared = FindPrepared(run, text)) {
    FH_ASSIGN_OR_RETURN(RunResult result, PublishWhatWasPrepared(lost, std::move(*prepared), text, told));
    return Sight{std::move(result), Fd()};
  }
  RetryRecord record = ReadRetryRecord(run);
  const Attempts& attempts = record.attempts;
  const auto waits = Waits(StateDirOf(run), run.id);
  // Its directory, or that of its attempt, was published by a start that was cut off before anything was executed: it waits still.
  const bool executed = attempts.last > 0 && told.started_attempt >= attempts.last;
  if (!attempts.last_ended && !executed && waits && *waits) return Pending(run);
  std::vector<AttemptEnd> history = attempts.ended;
  if (!attempts.last_ended) history.push_back({Reason::kHostLost, 0});
  if (attempts.last > 0 && IsRetried(record.policy, history)) return LeaveToNextAttempt(lost, record);
  std::optional<RunResult> seen;
  if (attempts.last_ended) {
    FH_ASSIGN_OR_RETURN(const AttemptDir attempt, OpenAttemptDir(run, attempts.last));
    FH_ASSIGN_OR_RETURN(const AttemptExit exit, ReadExit(attempt.fd.get()));
    seen = FromEvidence(run, exit);
  }
  FH_ASSIGN_OR_RETURN(RunResult result, RecordLoss(std::move(lost), std::move(seen)));
  return Sight{std::move(result), Fd()};
}

}  // namespace

Result<bool> EndWaitingRun(const RunDir& run, RunStatus status, Reason reason, const std::string& notes) {
  constexpr useconds_t kBriefly = 20000;
  constexpr int kMostTries = 500;
  auto events = EventLog::Open(run.fd.get());
  for (int i = 0; !events && events.error().code() == ErrorCode::kUnavailable && i < kMostTries; ++i) {
    const auto handle = FindHandle(run);
    const auto keeper = handle && *handle ? FindByIdentity((*handle)->process) : Result<Fd>(Fd());
    if (keeper && keeper->valid() && !ReadRetryRecord(run).attempts.last_ended) return false;  // its next attempt has begun
    usleep(kBriefly);
    events = EventLog::Open(run.fd.get());
  }
  if (!events) return std::move(events).error();
  if (ReadResult(run.fd.get())) return false;
  const RetryRecord record = ReadRetryRecord(run);
  if (!record.attempts.last_ended) return false;
  RunResult result = Unfinished(run, status);
  result.reason = reason;
  result.completion_notes = notes;
  result.submitted_at = Rfc3339(TimeOfRunId(run.id));
  result.started_at = StartedAt(run);
  result.finished_at = Rfc3339(Now());
  result.attempt = record.attempts.last;
  FH_ASSIGN_OR_RETURN(auto handle, FindHandle(run));
  LostRecord lost{run, *events, std::move(handle)};
  FH_ASSIGN_OR_RETURN(result, RecordLoss(std::move(lost), std::move(result)));
  FH_TRY(RemoveQueueFile(StateDirOf(run), run.id));
  return true;
}

Result<Sight> Look(const RunDir& run) {
  auto result = ReadResult(run.fd.get());
  if (result) return Sight{std::move(result).value(), Fd()};
  if (!IsAbsent(result.error())) return std::move(result).error();
  FH_ASSIGN_OR_RETURN(auto handle, FindHandle(run));
  if (handle) {
    FH_ASSIGN_OR_RETURN(Fd keeper, FindByIdentity(handle->process));
    if (keeper.valid()) return Sight{Unfinished(run, RunStatus::kRunning), std::move(keeper)};
    // It may have published and gone between the two looks.
    auto late = ReadResult(run.fd.get());
    if (late) return Sight{std::move(late).value(), Fd()};
  }
  return Finalize(run, std::move(handle));
}

}  // namespace fumehood
