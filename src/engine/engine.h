// Engine: the executor with a queue before it. A run starts at once where the host's budget allows and nobody waits before it, else it
// waits as a file of its own, durably, and is started by whoever has room for it first: see dispatcher.h.
#pragma once

#include <string>

#include "fumehood/executor.h"
#include "src/engine/queue_entry.h"
#include "src/executor/local/local_executor.h"

namespace fumehood {

struct SubmitOptions {
  // Submitting again with the same key gives the run that there is already: for who cannot know whether the first time came through.
  std::string idempotency_key;  // empty: none
  RunId rerun_of;               // for the record: the run that this one repeats; empty: none
};

struct Submitted {
  RunId id;
  bool already = false;     // it was submitted before, with the same key
  std::string why_it_waits;  // a clause; empty: it was started at once
};

class Engine : public Executor {
 public:
  // `spare_boxes`: see LocalExecutor.
  Engine(Config config, Submitter submitter, int64_t spare_boxes = 0);

  Result<RunId> run_analysis(const AnalysisSpec& spec) override;
  Result<RunResult> check_status(const RunId& id) override;
  Result<bool> kill(const RunId& id) override;
  Result<LogChunk> get_logs(const RunId& id, const LogQuery& query) override;

  // kInvalidArgument also where the key belongs to a run of another spec.
  Result<Submitted> Submit(const AnalysisSpec& spec, const SubmitOptions& options = {});
  // Blocks until the run has ended; `timeout_ms` -1: for ever. Not final on a time-out, or when `stop_fd` became readable before that:
  // see LocalExecutor::Wait.
  Result<RunResult> Wait(const RunId& id, int timeout_ms = -1, int stop_fd = -1);
  // Blocks until something has happened to a run that waits, or for a second.
  Result<void> AwaitStart(const RunId& id);

 private:
  Result<Submitted> SubmitNew(const RunId& id, const AnalysisSpec& spec, const SubmitOptions& options);
  Result<Submitted> SubmitOnce(const AnalysisSpec& spec, const SubmitOptions& options);
  Result<Submitted> Queue(const RunId& id, const AnalysisSpec& spec, const SubmitOptions& options, std::string why);
  Result<void> CheckIsSame(const RunId& holder, const AnalysisSpec& spec, const std::string& key);
  Result<void> AwaitChangeOfQueue(const RunId& id, int timeout_ms);

  Config config_;
  Submitter submitter_;
  LocalExecutor executor_;
};

// What a run that may be tried again then waits as; empty: it is not tried again. kInvalidArgument: it has secrets that cannot wait.
Result<std::string> RetryFile(const RunId& id, const AnalysisSpec& spec, const Submitter& submitter, const SubmitOptions& options = {});

// A run that waits, as a result that is not final.
RunResult WaitingResult(const QueueEntry& entry);

}  // namespace fumehood
