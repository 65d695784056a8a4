// LocalExecutor: runs on this machine, each under its own hood and keeper. Everything it knows of a run it reads from the run's
// directory, so any process of the same user can ask, wait or kill. Of its own it has only spare boxes, and keepers to be reaped.
// Several threads may use one.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "fumehood/executor.h"
#include "src/executor/local/launch.h"
#include "src/executor/local/recover.h"

namespace fumehood {

class LocalExecutor : public Executor {
 public:
  // `spare_boxes`: how many wait for their runs, once the first has been launched. For programs that launch many.
  LocalExecutor(Config config, Submitter submitter, int64_t spare_boxes = 0);

  Result<RunId> run_analysis(const AnalysisSpec& spec) override;
  // A run that has its id, and a slot of the ledger, already. The submitter is this executor's.
  Result<RunId> Start(LaunchRequest request);
  // In `runtime`, whatever the catalog says of it: for its check.
  Result<RunId> RunIn(const Runtime* runtime, const AnalysisSpec& spec);
  Result<RunResult> check_status(const RunId& id) override;
  Result<bool> kill(const RunId& id) override;
  Result<LogChunk> get_logs(const RunId& id, const LogQuery& query) override;

  // Blocks until the run has ended, without polling; `timeout_ms` -1: for ever. Not final on a time-out, or when `stop_fd` became
  // readable, or its other end gone, before that.
  Result<RunResult> Wait(const RunId& id, int timeout_ms = -1, int stop_fd = -1);

  // Of a run that this object launched, once it has ended: blocks until its keeper has tidied up and gone.
  void AwaitTidied(const RunId& id);

 private:
  struct Child {
    Fd keeper;  // pidfd
    Fd news;    // its lines
  };
  void ReapKeepers();
  std::shared_ptr<Child> ChildOf(const RunId& id);

  Config config_;
  Submitter submitter_;
  SpareBoxes spares_;
  std::mutex mutex_;  // of what follows
  std::map<RunId, std::shared_ptr<Child>> children_;  // keepers that this process started, perhaps ended
};

Submitter CurrentSubmitter();

}  // namespace fumehood
