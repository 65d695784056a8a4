#include "src/keeper/keeper.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/keeper/failure_note.h"
#include "src/keeper/journal.h"
#include "src/keeper/parked.h"
#include "src/keeper/run_stage.h"
#include "src/keeper/supervisor.h"
#include "src/record/change_log.h"
#include "src/record/closing.h"
#include "src/record/ledger.h"
#include "src/record/outputs.h"
#include "src/record/queue_file.h"
#include "src/record/result_json.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/record/start_event.h"
#include "src/record/tmp_removal.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;

// What the closing event holds the digests of, beside the result.
std::vector<std::string> RecordFiles(int attempts) {
  std::vector<std::string> files = {layout::kSpec, layout::kResolved, layout::kExecutionLog, layout::kOutputs, layout::kKeeper,
                                    layout::kRuntimeLock, layout::kInputs};
  for (int attempt = 1; attempt <= attempts; ++attempt) {
    for (const char* name : {layout::kExit, layout::kStdout, layout::kStderr, layout::kUsage}) {
      files.push_back(fmt::format("{}/{}/{}", layout::kAttempts, attempt, name));
    }
  }
  return files;
}

void Tell(const std::string& news) {
  const std::string line = news + "\n";
  (void)!write(kReportFd, line.data(), line.size());  // a launcher that has gone does not need it
}

// One attempt; its members are opened in order, and each later step may use the earlier ones.
class Attempt {
 public:
  // `parked`: with the run started in its box, or why not. Where the record cannot be opened, nothing of the run is left alive.
  static Result<std::unique_ptr<Attempt>> Open(KeeperOrder order, Parked parked) {
    auto journal = Journal::Open(parked.run.fd.get());
    auto usage_csv = journal ? UsageCsv::Create(parked.attempt.fd.get()) : Result<UsageCsv>(journal.error());
    if (!usage_csv) {
      TakeDown(*parked.box);
      return std::move(usage_csv).error();
    }
    return std::unique_ptr<Attempt>(
        new Attempt(std::move(order), std::move(parked), std::move(journal).value(), std::move(usage_csv).value()));
  }

  Result<void> Run() {
    evidence_.limits = order_.limits;
    evidence_.weakened = order_.weakened;
    evidence_.remarks = order_.remarks;
    evidence_.command = order_.plan.argv.empty() ? "" : order_.plan.argv[0];
    const Result<void> watched = StartAndWatch();
    if (!watched) evidence_.setup_failure = watched.error().message();
    return Conclude();
  }

 private:
  Attempt(KeeperOrder order, Parked parked, Journal journal, UsageCsv usage_csv)
      : order_(std::move(order)), run_dir_(std::move(parked.run)), attempt_(std::move(parked.attempt)),
        signals_(std::move(parked.signals)), stdin_file_(std::move(parked.stdin_file)), ledger_(std::move(parked.ledger)), started_(std::move(parked.made)), box_(std::move(parked.box)),
        journal_(std::move(journal)), usage_csv_(std::move(usage_csv)) {}

  Result<void> StartAndWatch() {
    if (!started_) {
      TakeDown(*box_);
      return std::move(started_);
    }
    FH_TRY(OpenStreams());
    FH_TRY(OpenWrittenDirs());
    DiskWatch disk(WatchedByKeeper());
    Supervisor supervisor(order_, *box_, journal_, {*output_, *error_output_, stdin_file_}, disk, usage_csv_, kReportFd, signals_);
    supervisor.WatchToTheEnd(evidence_);
    started_at_ = supervisor.started_at();
    isolation_ = supervisor.isolation();
    disk.MeasureNow();
    evidence_.disk_bytes = disk.peak().bytes;
    evidence_.disk_inodes = disk.peak().inodes;
    evidence_.disk_refused = disk.bytes_refused();
    evidence_.inodes_refused = disk.inodes_refused();
    // A limit is a limit, also for a run that ended before it was noticed.
    if (evidence_.ended_by == EndedBy::kItself && disk.bytes_exceeded()) evidence_.ended_by = EndedBy::kDisk;
    if (evidence_.ended_by == EndedBy::kItself && disk.inodes_exceeded()) evidence_.ended_by = EndedBy::kInodes;
    evidence_.disk_overshoot_bytes = std::max<int64_t>(0, disk.peak().bytes - order_.limits.disk_limit_mb * kMiB);
    return {};
  }

  Result<void> OpenStreams() {
    const int64_t limit = order_.limits.output_limit_mb * kMiB;
    FH_ASSIGN_OR_RETURN(CappedLog out, CappedLog::Create(attempt_.fd.get(), layout::kStdout, limit));
    FH_ASSIGN_OR_RETURN(CappedLog err, CappedLog::Create(attempt_.fd.get(), layout::kStderr, limit));
    output_.emplace(std::move(box_->output), std::move(out), STDOUT_FILENO);
    error_output_.emplace(std::move(box_->error_output), std::move(err), STDERR_FILENO);
    return {};
  }

  Result<void> OpenWrittenDirs() {
    std::vector<std::string> names = {layout::kWork, layout::kTmp};  // the overlay's scratch is empty but for a moment
    for (const std::string& name : order_.own_dirs) {
      if (name.find('/') == std::string::npos) names.push_back(name);  // else walked with the one it lies in
    }
    for (const std::string& name : names) {
      FH_ASSIGN_OR_RETURN(Fd dir, OpenBeneath(attempt_.fd.get(), name, O_RDONLY | O_DIRECTORY));
      written_.push_back(std::move(dir));
    }
    return {};
  }

  WatchedDisk WatchedByKeeper() const {
    WatchedDisk watched;
    for (const Fd& fd : written_) watched.dirs.push_back(fd.get());
    watched.limit_bytes = order_.limits.disk_limit_mb * kMiB;
    watched.limit_inodes = order_.limits.inode_limit;
    watched.quota = box_->quota.get();
    watched.cgroup = box_->cgroup ? &*box_->cgroup : nullptr;
    watched.owner = static_cast<uid_t>(box_->host_uid);
    return watched;
  }

  // The order is the promise: nothing of the run is alive, its evidence is on disk, the chain of events is closed, and only then
  // the result appears. Nothing is written into the record after that.
  Result<void> Conclude() {
    struct statvfs disk {};
    constexpr uint64_t kPlenty = 16 << 20;
    constexpr uint64_t kNearlyNothing = 1 << 20;
    const bool known = fstatvfs(run_dir_.fd.get(), &disk) == 0;
    const uint64_t left = uint64_t{disk.f_bavail} * disk.f_frsize;
    if (known && left < kNearlyNothing) evidence_.disk_left_bytes = static_cast<int64_t>(left);
    if (!known || left < kPlenty) GiveReserveBack(attempt_);
    FinishLogs();
    evidence_.own_words = ReadFailureNote(attempt_.fd.get());
    if (IsToBeRetried(Judge(evidence_))) return LeaveToNextAttempt(Judge(evidence_));
    CollectedOutputs outputs = Collect();
    const Verdict verdict = Judge(evidence_);
    if (IsToBeRetried(verdict)) return LeaveToNextAttempt(verdict);  // for an output that is missing
    const RunResult result = MakeResult(verdict, std::move(outputs));
    FH_TRY(PublishEvidence(verdict, result));
    const auto staging = OpenStagingDir(order_.box.state_dir);
    const auto gone = TakeTmpAway(attempt_.fd.get(), order_.attempt, staging ? staging->get() : -1, order_.box.token, journal_.events());
    if (box_ && box_->quota) box_->quota->Lift();
    SayEnd(verdict);
    CopyExecutionLog();
    FH_TRY(CloseRecord(verdict, result));
    const Result<void> published = PublishPreparedResult(run_dir_.fd.get());
    if (!published && published.error().code() != ErrorCode::kAlreadyExists) return published;
    NoteChange(order_.box.state_dir, order_.run_id, change::kEnded);
    if (output_) output_->FlushSink();
    if (error_output_) error_output_->FlushSink();
    LetStreamsGo();
    EmptySlot(ledger_, order_.ledger_slot);
    Tell("ended");
    TakeDown(*box_);  // of the run nothing is alive: this is our own PID 1, on its way out, and empty cgroups
    GiveReserveBack(attempt_);
    for (const std::string& name : gone) (void)RemoveTree(staging->get(), name);  // `gc` has what this cannot do
    WakeWhoStartsRuns();
    return {};
  }

  bool IsToBeRetried(const Verdict& verdict) const {
    std::vector<AttemptEnd> history = order_.earlier;
    history.push_back({verdict.reason, order_.limits.memory_limit_mb});
    return verdict.status == RunStatus::kFailed && IsRetried(order_.retries, history);
  }

  // The evidence, the event and the queue file, in this order: with the last of them the run waits for its next attempt, and whoever
  // finds the first without it completes this (executor/local/recover.cc).
  Result<void> LeaveToNextAttempt(const Verdict& verdict) {
    FH_TRY(PublishEvidence(verdict, MakeResult(verdict, {})));
    (void)unlinkat(run_dir_.fd.get(), layout::kOutputs, 0);
    const auto staging = OpenStagingDir(order_.box.state_dir);
    const auto gone = TakeTmpAway(attempt_.fd.get(), order_.attempt, staging ? staging->get() : -1, order_.box.token, journal_.events());
    if (box_ && box_->quota) box_->quota->Lift();
    JsonWriter members;
    members.Key("attempt").Int(order_.attempt).Key("reason").String(Name(verdict.reason)).Key("notes").String(verdict.notes);
    members.Key("memory_limit_mb").Int(order_.limits.memory_limit_mb);
    journal_.Event(kAttemptEndedEvent, members.text());
    journal_.Say(fmt::format("attempt {}: {}{}; it is tried again", order_.attempt, Name(verdict.reason), verdict.notes.empty() ? "" : ". " + verdict.notes));
    FH_TRY(journal_.Sync());
    FH_ASSIGN_OR_RETURN(const std::string entry, ReadFile(run_dir_.fd.get(), layout::kQueued, size_t{128} << 20));
    const Result<void> queued = PutQueueFile(order_.box.state_dir, order_.run_id, entry);
    if (!queued && queued.error().code() != ErrorCode::kAlreadyExists) return queued;
    NoteChange(order_.box.state_dir, order_.run_id, change::kQueued);
    if (output_) output_->FlushSink();
    if (error_output_) error_output_->FlushSink();
    LetStreamsGo();
    EmptySlot(ledger_, order_.ledger_slot);
    Tell("retried");
    TakeDown(*box_);
    GiveReserveBack(attempt_);
    for (const std::string& name : gone) (void)RemoveTree(staging->get(), name);
    WakeWhoStartsRuns();
    return {};
  }

  // One that was killed is followed by another when a run ends, also where nobody looks.
  void WakeWhoStartsRuns() {
    if (const Result<void> woken = WakeDispatcher(order_.box.state_dir, order_.dispatcher); !woken) Tell("unwoken " + woken.error().message());
  }

  // Whoever reads them sees their end now, not when this process has tidied up.
  static void LetStreamsGo() {
    const auto null = OpenAt(kHere, "/dev/null", O_RDWR);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      if (!null || dup2(null->get(), fd) < 0) (void)close(fd);
    }
  }

  void FinishLogs() {
    if (!output_) return;
    const FinishedLog out = output_->Finish();
    const FinishedLog err = error_output_->Finish();
    evidence_.output_dropped_bytes = out.bytes_dropped + err.bytes_dropped;
    evidence_.output_failed_bytes = out.bytes_failed + err.bytes_failed;
    JsonWriter members;
    const auto add = [&](const char* name, const FinishedLog& log) {
      members.Key(name).BeginObject().Key("bytes").Int(log.bytes_seen).Key("dropped").Int(log.bytes_dropped);
      members.Key("sha256").String(log.sha256).EndObject();
    };
    add("stdout", out);
    add("stderr", err);
    journal_.Event("logs_finished", members.text());
  }

  CollectedOutputs Collect() {
    CollectedOutputs none;
    const auto upper = OpenBeneath(attempt_.fd.get(), layout::kWork, O_RDONLY | O_DIRECTORY);
    if (!upper) return none;
    RemoveMountPoints(*upper);
    const auto project = OpenDir(kHere, order_.workdir);
    OutputRules rules;
    rules.globs = order_.outputs;
    rules.project_dir = project ? project->get() : -1;
    rules.hash_limit_bytes = 2 * order_.limits.disk_limit_mb * kMiB;
    auto collected = CollectOutputs(upper->get(), rules, run_dir_.fd.get(), Durability::kLater);
    if (!collected) {
      evidence_.stage_out_failure = collected.error().message();
      return none;
    }
    evidence_.missing_outputs = collected->missing;
    JsonWriter members;
    members.Key("files").Int(collected->file_count).Key("bytes").Int(collected->total_bytes);
    members.Key("manifest_sha256").String(collected->manifest_sha256);
    journal_.Event("outputs_collected", members.text());
    return std::move(collected).value();
  }

  // While something was shown upon them nobody could write there, so they are as empty as they were made.
  void RemoveMountPoints(const Fd& upper) {
    for (const std::string& path : order_.mount_points) {
      const size_t slash = path.rfind('/');
      const auto parent = OpenBeneath(upper.get(), slash == std::string::npos ? "." : path.substr(0, slash), O_RDONLY | O_DIRECTORY);
      if (!parent) continue;
      const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
      const auto info = FindStat(parent->get(), name, false);
      if (!info || !*info || (S_ISREG((*info)->st_mode) && (*info)->st_size > 0)) continue;
      (void)unlinkat(parent->get(), name.c_str(), S_ISDIR((*info)->st_mode) ? AT_REMOVEDIR : 0);  // not empty: then the run's own
    }
  }

  RunResult MakeResult(const Verdict& verdict, CollectedOutputs outputs) {
    RunResult result;
    result.run_id = order_.run_id;
    result.name = order_.name;
    result.status = verdict.status;
    result.exit_code = verdict.exit_code;
    result.signal = verdict.signal;
    result.reason = verdict.reason;
    result.completion_notes = verdict.notes;
    result.submitted_at = order_.submitted_at;
    result.started_at = started_at_;
    result.finished_at = Rfc3339(Now());
    result.usage = evidence_.usage;
    result.isolation = isolation_;
    result.outputs = std::move(outputs.files);
    result.run_dir = run_dir_.path;
    result.stdout_path = attempt_.path + "/" + layout::kStdout;
    result.stderr_path = attempt_.path + "/" + layout::kStderr;
    result.log_path = run_dir_.path + "/" + layout::kExecutionLog;
    result.attempt = order_.attempt;
    return result;
  }

  Result<void> PublishEvidence(const Verdict& verdict, const RunResult& result) {
    AttemptExit exit;
    exit.attempt = order_.attempt;
    exit.code = verdict.exit_code;
    exit.signal = verdict.signal;
    exit.reason = verdict.reason;
    exit.evidence = verdict.evidence;
    exit.started_at = result.started_at;
    exit.finished_at = result.finished_at;
    exit.oom_kills = evidence_.oom_kills;
    exit.pids_limit_hits = evidence_.pids_limit_hits;
    exit.usage = result.usage;
    return PublishExit(attempt_.fd.get(), exit, Durability::kLater);
  }

  void SayEnd(const Verdict& verdict) {
    journal_.Say(fmt::format("{}: {}{}", Name(verdict.status), Name(verdict.reason), verdict.notes.empty() ? "" : ". " + verdict.notes));
  }

  // Before the result is published: whoever sees it then sees a chain that ends, and names its digest.
  Result<void> CloseRecord(const Verdict& verdict, const RunResult& result) {
    // First of all: who finds this record without a result, since we were killed in between, finds there what it will be.
    FH_TRY(PrepareResult(run_dir_.fd.get(), result));
    JsonWriter members;
    members.Key("status").String(Name(verdict.status)).Key("reason").String(Name(verdict.reason));
    journal_.Event("ended", members.text());
    const std::string text = PrintResult(result) + "\n";
    std::vector<RecordedFile> files = {{layout::kResult, static_cast<int64_t>(text.size()), Sha256Hex(text)}};
    for (const std::string& path : RecordFiles(order_.attempt)) {
      auto file = DigestRecordedFile(run_dir_.fd.get(), path);
      if (file) files.push_back(std::move(file).value());  // a file that the run's failure never let be made
    }
    FH_TRY(AppendClosing(journal_.events(), files));
    return journal_.Sync();
  }

  void CopyExecutionLog() {
    if (order_.log_path.empty()) return;
    const auto text = ReadFile(run_dir_.fd.get(), layout::kExecutionLog);
    const auto target = OpenAt(kHere, order_.log_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    const Result<void> copied = text && target ? WriteAll(target->get(), *text) : Result<void>(target ? text.error() : target.error());
    if (!copied) journal_.Say("the extra copy of this log could not be written: " + copied.error().message());
  }

  KeeperOrder order_;
  RunDir run_dir_;
  AttemptDir attempt_;
  Fd signals_;
  InputStream stdin_file_;
  Fd ledger_;
  Result<void> started_;
  std::unique_ptr<Box> box_;
  Journal journal_;
  UsageCsv usage_csv_;
  std::optional<OutputStream> output_;
  std::optional<OutputStream> error_output_;
  std::vector<Fd> written_;
  Evidence evidence_;
  Isolation isolation_;
  std::string started_at_;
};

}  // namespace

namespace {

// Standard output and errors of this process become what the launcher sent: the run's streams go on to them.
Result<void> TakeStreams(Message& message, Parked& parked) {
  if (message.fds.size() != 3 && message.fds.size() != 4) return Error(ErrorCode::kCorrupt, "the order to the keeper came without its descriptors");
  FH_ASSIGN_OR_RETURN(parked.input, parked.stdin_file.Take(std::move(message.fds[0])));
  if (dup2(message.fds[1].get(), STDOUT_FILENO) < 0 || dup2(message.fds[2].get(), STDERR_FILENO) < 0) {
    const int error = errno;
    return ErrnoError(error, "take the run's streams");
  }
  if (message.fds.size() == 4) parked.ledger = std::move(message.fds[3]);
  return {};
}

Result<void> KeepRun(Fd& orders) {
  FH_ASSIGN_OR_RETURN(Parked parked, Park(orders, Tell));
  FH_ASSIGN_OR_RETURN(auto message, AwaitOrder(orders, parked, Tell));
  if (!message) return {};
  FH_ASSIGN_OR_RETURN(KeeperOrder order, DecodeOrder(message->bytes));
  FH_TRY(TakeStreams(*message, parked));
  message.reset();
  order.box = std::move(parked.order);
  parked.run.id = order.run_id;
  parked.run.path = order.run_dir;
  if (order.attempt > 1) {  // what was staged was this attempt alone; the run was there
    FH_ASSIGN_OR_RETURN(parked.run.fd, OpenDir(kHere, order.run_dir));
  }
  parked.attempt.path = fmt::format("{}/{}/{}", order.run_dir, layout::kAttempts, order.attempt);
  // Before the record is opened: its first process has work to do meanwhile.
  if (parked.made) parked.made = StartRun(order, parked.attempt, parked.input, *parked.box);
  parked.input.Reset();  // the run has it: our copy would keep its writer from noticing the end
  FH_ASSIGN_OR_RETURN(const auto attempt, Attempt::Open(std::move(order), std::move(parked)));
  Tell("kept");
  return attempt->Run();
}

}  // namespace

int RunKeeper(Fd orders) {
  const Result<void> done = KeepRun(orders);
  if (done) return 0;
  // Nobody but the launcher is left to tell; without a result the run will be found as host_lost, with its cause unknown.
  Tell("failed " + done.error().message());
  return 1;
}

}  // namespace fumehood
