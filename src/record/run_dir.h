// The run directory: names, creation, opening, and the keeper's handle. All of a run lies in <state>/runs/<run-id>, which is the truth about it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/sys/fd.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {

namespace layout {
inline constexpr const char* kRuns = "runs";        // in the state directory
inline constexpr const char* kStaging = "staging";  // there too: runs in the making; each appears in runs/ complete, by a rename
inline constexpr const char* kQueue = "queue";      // there too: a file for each run that waits (src/record/queue_file.h)
// In <state>/runs/<run-id>
inline constexpr const char* kSpec = "spec.json";
inline constexpr const char* kResolved = "resolved.json";
inline constexpr const char* kRuntimeLock = "runtime.lock.json";  // of a runtime that has a lock
inline constexpr const char* kInputs = "inputs.json";             // of a run with inputs or databases: what they held
inline constexpr const char* kEvents = "events.jsonl";
inline constexpr const char* kExecutionLog = "execution.log";
inline constexpr const char* kResult = "result.json";
inline constexpr const char* kPrepared = ".result.json";  // what result.json will be, once the chain of events names it
inline constexpr const char* kQueued = "queue.json";      // of a run that may be tried again: its queue file
inline constexpr const char* kOutputs = "outputs.json";
inline constexpr const char* kKeeper = "keeper.json";
inline constexpr const char* kAttempts = "attempts";
// In attempts/N; stdout.log, stderr.log and work are also links in the run directory, to the last attempt's.
inline constexpr const char* kExit = "exit.json";
inline constexpr const char* kStdout = "stdout.log";
inline constexpr const char* kStderr = "stderr.log";
inline constexpr const char* kUsage = "usage.csv";
inline constexpr const char* kWork = "work";           // the overlay's upper layer
inline constexpr const char* kOverlay = "overlay";     // the overlay's own scratch directory ("workdir" in mount options)
inline constexpr const char* kTmp = "tmp";             // goes with the end of the attempt; holds the next two
inline constexpr const char* kRunTmp = "tmp/tmp";      // the run's /tmp
inline constexpr const char* kRunHome = "tmp/home";    // its home directory
inline constexpr const char* kReserve = "reserve";     // room that is given back when the disk is full at the end: for the record
}  // namespace layout

struct RunDir {
  RunId id;
  std::string path;  // absolute
  Fd fd;
};

struct AttemptDir {
  int number = 1;
  std::string path;
  Fd fd;
};

// The state directory, made with mode 0700 where it is not there. kPermissionDenied where it is another user's, or where others
// have been able to write to it: nothing in it can be trusted then.
Result<void> EnsureStateDir(const std::string& state_dir);
// <state>/runs, made with mode 0700 where it is not there.
Result<Fd> OpenRunsDir(const std::string& state_dir);
// <state>/staging/<token>, empty, mode 0700. `token` has the form of a run id. kAlreadyExists where it is taken.
Result<RunDir> CreateStagedRun(const std::string& state_dir, const std::string& token);
Result<Fd> OpenStagingDir(const std::string& state_dir);
Result<RunDir> OpenStagedRun(const std::string& state_dir, const std::string& token);
// From staging/ to runs/; `run` is then what it is there. SyncRuns makes that durable.
Result<void> PublishRun(const std::string& state_dir, const RunId& id, RunDir& run);
Result<void> SyncRuns(const std::string& state_dir);
// Where it is still in staging/: removed. A run is left alone.
Result<void> DiscardStagedRun(const std::string& state_dir, const std::string& token);

// attempts/N, empty.
Result<AttemptDir> CreateAttemptDir(const RunDir& run, int number);
// In it work/, overlay/, tmp/ with what it holds, and the reserve; the links beside attempts/ are set to it.
Result<void> FurnishAttempt(const RunDir& run, const AttemptDir& attempt);
// stdout.log, stderr.log and work beside attempts/.
Result<void> PointLinksTo(const RunDir& run, int attempt);
// Before the record of its end is written: the disk may have been filled, and not least by the run itself.
void GiveReserveBack(const AttemptDir& attempt);

std::string StateDirOf(const RunDir& run);  // of one in runs/
// kInvalidArgument: not a run id. kNotFound: no such run.
Result<RunDir> OpenRunDir(const std::string& state_dir, const RunId& id);
Result<AttemptDir> OpenAttemptDir(const RunDir& run, int number);
// The highest attempts/N that there is; kNotFound: none yet.
Result<AttemptDir> OpenLastAttemptDir(const RunDir& run);

// keeper.json: all that another process needs to find this run's keeper and its hood again.
struct KeeperHandle {
  ProcessIdentity process;
  int attempt = 1;
  int64_t hood_uid = -1;                            // of the analysis, as the host sees it; -1: none
  std::string cgroup_version;                       // "v2", "v1" or "none"
  std::string cgroup_name;                          // below each of the parents
  std::string cgroup_v2_parent;                     // absolute; empty: none
  std::string cgroup_v2_kill_parent;
  std::map<std::string, std::string> cgroup_v1_parents;  // controller -> absolute directory
  bool operator==(const KeeperHandle&) const = default;
};
std::string PrintKeeperHandle(const KeeperHandle& handle);
Result<void> WriteKeeperHandle(int run_dir, const KeeperHandle& handle, Durability durability);  // replaces

}  // namespace fumehood
