#include "src/executor/local/recover.h"

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/hood/cgroup.h"
#include "src/keeper/disk_quota.h"
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

Result<RunResult> RecordLoss(LostRecord lost) {
  RunResult result = Unfinished(lost.run, RunStatus::kFailed);
  result.reason = Reason::kHostLost;
  result.started_at = StartedAt(lost.run);
  result.completion_notes = Notes(lost.handle, !result.started_at.empty());
  result.finished_at = Rfc3339(Now());
  if (lost.handle) {
    result.attempt = lost.handle->attempt;
    FH_TRY(EndWhatIsLeft(*lost.handle));
    FH_ASSIGN_OR_RETURN(const AttemptDir attempt, OpenAttemptDir(lost.run, lost.handle->attempt));
    GiveReserveBack(attempt);
    for (const char* name : {layout::kStdout, layout::kStderr}) (void)FinishCappedLog(attempt.fd.get(), name);  // as far as they go
    LiftDiskQuota(attempt.fd.get());
    (void)RemoveTmp(attempt.fd.get(), lost.handle->attempt, lost.events);  // it says itself what it could not do
  }
  JsonWriter members;
  members.Key("status").String(Name(result.status)).Key("reason").String(Name(result.reason)).Key("notes").String(result.completion_notes);
  FH_TRY(lost.events.Append("ended", members.text()));
  const std::string text = PrintResult(result) + "\n";
  FH_TRY(AppendClosing(lost.events, {{layout::kResult, static_cast<int64_t>(text.size()), Sha256Hex(text)}}));
  FH_TRY(PublishResult(lost.run.fd.get(), result, Durability::kNow));
  NoteChange(StateDirOf(lost.run), lost.run.id, change::kEnded);
  return result;
}

Result<std::optional<KeeperHandle>> FindHandle(const RunDir& run) {
  auto handle = ReadKeeperHandle(run.fd.get());
  if (handle) return std::optional(std::move(handle).value());
  if (IsAbsent(handle.error())) return std::optional<KeeperHandle>();
  return std::move(handle).error();
}

// Its directory was published by a start that was cut off before anything of it was executed: it waits still, and is started again.
bool StillWaits(const RunDir& run) {
  const std::string state_dir = run.path.substr(0, run.path.rfind("/" + std::string(layout::kRuns) + "/"));
  const auto waits = Waits(state_dir, run.id);
  return waits && *waits && StartedAt(run).empty();
}

Result<Sight> Finalize(const RunDir& run, std::optional<KeeperHandle> handle) {
  if (StillWaits(run)) return Sight{Unfinished(run, RunStatus::kPending), Fd()};
  auto events = EventLog::Open(run.fd.get());
  // Somebody writes it: a keeper that has just begun, or another who noticed the loss.
  if (!events && events.error().code() == ErrorCode::kUnavailable) return Sight{Unfinished(run, RunStatus::kPending), Fd()};
  if (!events) return std::move(events).error();
  auto late = ReadResult(run.fd.get());
  if (late) return Sight{std::move(late).value(), Fd()};
  FH_ASSIGN_OR_RETURN(RunResult result, RecordLoss({run, *events, std::move(handle)}));
  return Sight{std::move(result), Fd()};
}

}  // namespace

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
