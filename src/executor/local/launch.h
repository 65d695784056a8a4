// Launch: makes a run durable and starts its keeper.
#pragma once

#include <functional>
#include <string>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/run_result.h"
#include "src/executor/local/resolve.h"
#include "src/executor/local/spare_boxes.h"
#include "src/keeper/order.h"
#include "src/record/ledger.h"
#include "src/sys/fd.h"

namespace fumehood {

struct LaunchRequest {
  AnalysisSpec spec;
  Submitter submitter;
  // The read end of a pipe, or -1: empty. Never a file or a terminal: see docs/isolation.md. Not looked at where the spec names one.
  int stdin_fd = -1;
  int stdout_fd = -1;  // the keeper passes the analysis' output on to these as it comes; -1: only into the logs
  int stderr_fd = -1;
  IdleKeeper* keeper = nullptr;  // taken for the run, which gets its token for an id
  RunId id;                      // of a run that has one already; empty: that of the keeper, or a new one
  HeldSlot slot;                 // of the ledger: goes to the keeper
  std::string idempotency_key;   // for the record; empty: none
  RunId rerun_of;                // the same
  std::string queue_file;        // for the record of a run that may be tried again: what it then waits as
  std::vector<AttemptEnd> earlier;  // its attempts so far: this one goes into the directory that it has
  const Runtime* runtime = nullptr;  // used in place of the one that the spec names, for a check of it
};

struct Launched {
  RunId id;
  std::string run_dir;
  pid_t keeper = -1;  // a child of the caller, unless the run began in a box that had waited (src/executor/local/warm_start.h)
  Fd keeper_fd;       // its pidfd
  Fd news;            // the keeper's lines; its end of file: the keeper has gone
};

// What will be done, without doing it: for `explain`, and for tests that look at a plan or change it.
struct PreparedRun {
  ResolvedRun resolved;
  KeeperOrder order;
  std::string runtime_lock;  // for the record; empty: the runtime has none
};
Result<PreparedRun> Prepare(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const RunId& id,
                            const Runtime* runtime = nullptr, const std::vector<AttemptEnd>& earlier = {});

using EditOrder = std::function<void(KeeperOrder&)>;  // tests take layers away here; the product never does
// `spares`: boxes that wait for their runs, or nullptr.
Result<Launched> Launch(const LaunchRequest& request, const Config& config, SpareBoxes* spares = nullptr, const EditOrder& edit = nullptr);

// Starts an interpreter that waits for a run of this spec, or one like it (docs/warm.md), and waits until its packages are loaded.
// False: as many wait as may.
Result<bool> ParkAhead(const AnalysisSpec& spec, const Config& config, const Submitter& submitter);

// What failed for want of room on the state directory's disk says so, whatever it was.
Error WithDisk(Error error, const Config& config);

// Waits until the keeper has taken the run over: from then on it can be found, watched and killed by anybody.
Result<void> AwaitKeeper(const Launched& launched);

}  // namespace fumehood
