#include "src/engine/engine.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/engine/admission.h"
#include "src/engine/ensure_dispatcher.h"
#include "src/engine/unstarted.h"
#include "src/engine/waiting_rows.h"
#include "src/executor/local/attempts.h"
#include "src/executor/local/launch.h"
#include "src/executor/local/recover.h"
#include "src/record/change_log.h"
#include "src/record/queue_file.h"
#include "src/record/run_dir.h"
#include "src/spec/parse.h"
#include "src/spec/print.h"
#include "src/store/store.h"
#include "src/sys/file.h"
#include "src/sys/watch.h"

namespace fumehood {
namespace {

Error NoSuchRun(const RunId& id) { return Error(ErrorCode::kNotFound, "no run " + Quoted(id) + "; `fumehood ls` lists those that there are"); }

bool IsAbsent(const Error& error) { return error.code() == ErrorCode::kNotFound; }

bool IsReadable(int fd) {
  struct pollfd wait = {fd, POLLIN, 0};
  return poll(&wait, 1, 0) > 0;
}

// A secret of the submitter's environment is known to this process alone, and waits nowhere.
Result<void> CheckMayWait(const AnalysisSpec& spec, const std::string& why) {
  std::vector<Problem> problems;
  for (const auto& [name, value] : spec.env) {
    const auto* secret = std::get_if<SecretRef>(&value);
    if (secret == nullptr || secret->from != SecretRef::From::kEnvironment) continue;
    problems.push_back({"env." + name,
                        fmt::format("is a secret from your environment, which is never written down, and the run cannot only run here and now: {}. Give it "
                                    "as a file (secret: {{file: PATH}}), or use `fumehood run`, which waits with it", why),
                        "", 0, 0});
  }
  if (problems.empty()) return {};
  return Error("the run cannot wait in the queue", std::move(problems));
}

}  // namespace

Engine::Engine(Config config, Submitter submitter, int64_t spare_boxes)
    : config_(config), submitter_(submitter), executor_(std::move(config), std::move(submitter), spare_boxes) {}

Result<RunId> Engine::run_analysis(const AnalysisSpec& spec) {
  FH_ASSIGN_OR_RETURN(Submitted submitted, Submit(spec));
  return std::move(submitted.id);
}

Result<Submitted> Engine::Submit(const AnalysisSpec& spec, const SubmitOptions& options) {
  return options.idempotency_key.empty() ? SubmitNew(NewRunId(), spec, options) : SubmitOnce(spec, options);
}

// One after the other: with this lock, a key whose run is not there belongs to a submission that came to nothing.
Result<Submitted> Engine::SubmitOnce(const AnalysisSpec& spec, const SubmitOptions& options) {
  const std::string& key = options.idempotency_key;
  FH_ASSIGN_OR_RETURN(const Ledger ledger, Ledger::Open(config_.state_dir));
  FH_ASSIGN_OR_RETURN(const Fd keys, ledger.LockKeys());
  FH_ASSIGN_OR_RETURN(Store store, Store::Open(config_.state_dir, {.waiting = WaitingRunsOf(config_.state_dir)}));
  const RunId id = NewRunId();
  for (;;) {
    FH_ASSIGN_OR_RETURN(const RunId holder, store.ClaimKey(key, id));
    if (holder == id) break;
    const auto there = check_status(holder);
    if (there) {
      FH_TRY(CheckIsSame(holder, spec, key));
      return Submitted{holder, true, ""};
    }
    if (!IsAbsent(there.error())) return there.error();
    FH_TRY(store.ReleaseKey(key, holder));
  }
  auto submitted = SubmitNew(id, spec, options);
  if (!submitted) (void)store.ReleaseKey(key, id);
  return submitted;
}

Result<void> Engine::CheckIsSame(const RunId& holder, const AnalysisSpec& spec, const std::string& key) {
  AnalysisSpec before;
  if (const auto entry = ReadQueueEntry(config_.state_dir, holder)) {
    before = entry->spec;
  } else {
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, holder));
    FH_ASSIGN_OR_RETURN(const std::string text, ReadFile(run.fd.get(), layout::kSpec));
    FH_ASSIGN_OR_RETURN(before, ParseSpec(text, Format::kJson, layout::kSpec));
  }
  AnalysisSpec now = spec;
  if (now.name.empty()) now.name = before.name;  // it is made from the command when the spec is resolved
  if (PrintSpec(now, Format::kJson) == PrintSpec(before, Format::kJson)) return {};
  return Error(ErrorCode::kInvalidArgument, fmt::format("the idempotency key {} belongs to run {}, which is of another spec; nothing was submitted. Take a new key for a "
                                                        "new analysis", Quoted(key), holder));
}

Result<Submitted> Engine::SubmitNew(const RunId& id, const AnalysisSpec& spec, const SubmitOptions& options) {
  const Waiting waiting = WaitingOf(id, spec, config_);
  FH_ASSIGN_OR_RETURN(Admitted admitted, AdmitNow(config_, waiting));
  if (!admitted.slot.fd.valid()) return Queue(id, spec, options, std::move(admitted.why_not));
  LaunchRequest request;
  request.spec = spec;
  request.id = id;
  request.slot = std::move(admitted.slot);
  request.idempotency_key = options.idempotency_key;
  request.rerun_of = options.rerun_of;
  FH_ASSIGN_OR_RETURN(request.queue_file, RetryFile(id, spec, submitter_, options));
  FH_TRY(executor_.Start(std::move(request)));
  return Submitted{id, false, ""};
}

Result<Submitted> Engine::Queue(const RunId& id, const AnalysisSpec& spec, const SubmitOptions& options, std::string why) {
  // All that is wrong with it is told now, to whoever submits it, and not hours later to nobody.
  FH_ASSIGN_OR_RETURN(const PreparedRun prepared, Prepare(spec, config_, submitter_, id));
  FH_TRY(CheckMayWait(spec, why));
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(config_.state_dir));
  if (static_cast<int64_t>(waiting.size()) >= config_.queue_limit) {
    return Error(ErrorCode::kUnavailable, fmt::format("submit_transient: {} runs wait already, and queue_limit allows no more; nothing was queued. Submit it again "
                                                      "when some have ended", waiting.size()));
  }
  QueueEntry entry{id, prepared.resolved.spec, {submitter_.cwd, KeptEnvironment(submitter_.env)}, options.idempotency_key, options.rerun_of};
  NoteChange(config_.state_dir, id, change::kQueued);
  FH_TRY(PutQueueFile(config_.state_dir, id, PrintQueueEntry(entry)));
  FH_TRY(EnsureDispatcher(config_));
  return Submitted{id, false, std::move(why)};
}

Result<RunResult> Engine::check_status(const RunId& id) {
  // It goes from the queue to runs/, never back: in this order it is not missed.
  const auto waiting = ReadQueueEntry(config_.state_dir, id);
  auto known = executor_.check_status(id);
  if (!known && IsAbsent(known.error())) {
    if (!waiting && IsAbsent(waiting.error())) return NoSuchRun(id);
    if (!waiting) return waiting.error();
    known = WaitingResult(*waiting);
  }
  // Whoever looks at a run that waits sees to it that somebody starts it. What keeps that from being done is told by who submits.
  if (known && known->status == RunStatus::kPending) (void)EnsureDispatcher(config_);
  return known;
}

Result<RunResult> Engine::Wait(const RunId& id, int timeout_ms, int stop_fd) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const auto left = [&] {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    return timeout_ms < 0 ? -1 : static_cast<int>(std::max<int64_t>(0, ms));
  };
  for (;;) {
    FH_ASSIGN_OR_RETURN(RunResult result, check_status(id));
    if (IsFinal(result.status)) return result;
    if (result.status != RunStatus::kPending) {
      FH_ASSIGN_OR_RETURN(result, executor_.Wait(id, left(), stop_fd));
      if (IsFinal(result.status)) return result;
    }
    if (left() == 0 || IsReadable(stop_fd)) return result;
    FH_TRY(AwaitChangeOfQueue(id, left()));
  }
}

Result<void> Engine::AwaitStart(const RunId& id) { return AwaitChangeOfQueue(id, -1); }

// At most a second, since a dispatcher may be killed, which nobody announces.
Result<void> Engine::AwaitChangeOfQueue(const RunId& id, int timeout_ms) {
  constexpr int kAnywayMs = 1000;
  FH_ASSIGN_OR_RETURN(const Fd watch, WatchDirectories({config_.state_dir + "/" + layout::kQueue, config_.state_dir + "/" + layout::kRuns,
                                                        config_.state_dir + "/" + layout::kRuns + "/" + id}));
  FH_ASSIGN_OR_RETURN(const RunResult result, check_status(id));
  if (result.status != RunStatus::kPending) return {};
  AwaitChange(watch, timeout_ms < 0 ? kAnywayMs : std::min(timeout_ms, kAnywayMs));
  return {};
}

Result<bool> Engine::kill(const RunId& id) {
  auto entry = ReadQueueEntry(config_.state_dir, id);
  if (!entry && !IsAbsent(entry.error())) return std::move(entry).error();
  if (entry) {
    const auto ended = RecordUnstarted(config_.state_dir, *entry, RunStatus::kKilled, Reason::kCancelled, "killed on request while it waited in the queue. Nothing "
                                                                                                         "was executed.");
    if (ended) return true;
    if (ended.error().code() != ErrorCode::kAlreadyExists) return ended.error();
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, id));
    FH_ASSIGN_OR_RETURN(const bool ended_here, EndWaitingRun(run, RunStatus::kKilled, Reason::kCancelled, "killed on request while it waited for another attempt."));
    if (ended_here) return true;
    FH_TRY(EnsureDispatcher(config_));  // where its start was cut off, one must find out how far it came
  }
  auto killed = executor_.kill(id);
  if (!killed && IsAbsent(killed.error())) return NoSuchRun(id);
  return killed;
}

Result<LogChunk> Engine::get_logs(const RunId& id, const LogQuery& query) {
  FH_ASSIGN_OR_RETURN(const RunResult result, check_status(id));
  auto chunk = executor_.get_logs(id, query);
  if (chunk || !IsAbsent(chunk.error())) return chunk;
  LogChunk nothing;
  nothing.complete = IsFinal(result.status);
  return nothing;
}

Result<std::string> RetryFile(const RunId& id, const AnalysisSpec& spec, const Submitter& submitter, const SubmitOptions& options) {
  if (!MayBeRetried(PolicyOf(spec))) return std::string();
  FH_TRY(CheckMayWait(spec, "and it may be tried again later"));
  return PrintQueueEntry({id, spec, {submitter.cwd, KeptEnvironment(submitter.env)}, options.idempotency_key, options.rerun_of});
}

RunResult WaitingResult(const QueueEntry& entry) {
  RunResult result;
  result.run_id = entry.run_id;
  result.name = entry.spec.name;
  result.status = RunStatus::kPending;
  result.submitted_at = Rfc3339(TimeOfRunId(entry.run_id));
  result.attempt = 0;
  result.completion_notes = "waits in the queue for its turn.";
  return result;
}

}  // namespace fumehood
