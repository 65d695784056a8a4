// What became of a run, read from its directory, and the end of one whose keeper has gone.
#pragma once

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/record/run_dir.h"
#include "src/sys/fd.h"

namespace fumehood {

struct Sight {
  RunResult result;  // final, or as far as it is known
  Fd keeper;         // a pidfd, while it is alive
};

// Never reports an end that was not seen: a run whose keeper has gone without a result is first ended (whatever may be left of
// it is killed) and recorded as host_lost, under the lock of its event log, so that of several who notice one writes.
Result<Sight> Look(const RunDir& run);

// Of a run that waits for another attempt: ends it here. False: it does not wait (any more).
Result<bool> EndWaitingRun(const RunDir& run, RunStatus status, Reason reason, const std::string& notes);

// Of a keeper that has gone. PID 1 of the run ends with its keeper; this is for the moment in between, and removes the cgroup.
Result<void> EndWhatIsLeft(const KeeperHandle& handle);

}  // namespace fumehood
