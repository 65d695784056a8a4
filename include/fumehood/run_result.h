// RunResult: how a run ended, why, what it used, and what was really in force around it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fumehood {

using RunId = std::string;  // 26 characters, a ULID: sorts by time

enum class RunStatus { kPending, kRunning, kCompleted, kFailed, kKilled, kUnknown };

// The one taxonomy on every executor. Up to kCancelled it is the analysis' side, from there on the system's.
enum class Reason {
  kNone,  // not ended yet
  kExited, kSignaled, kMemoryLimit, kPidsLimit, kTimeout, kIdleTimeout, kDiskLimit, kOutputMissing, kCancelled,
  kSubmitInvalid, kSubmitTransient, kUnschedulable, kRuntimeUnhealthy, kInputMissing, kStageIn, kStageOut,
  kSetupFailed, kPreempted, kHostLost, kBackendDown, kEngineError,
};

const char* Name(RunStatus status);                            // "COMPLETED"
const char* Name(Reason reason);                               // "memory_limit"
std::optional<RunStatus> ParseRunStatus(const std::string& name);
std::optional<Reason> ParseReason(const std::string& name);
bool IsFinal(RunStatus status);

struct Usage {
  double cpu_user_s = 0;
  double cpu_system_s = 0;
  double wall_s = 0;
  double memory_peak_mb = 0;  // MiB
  int64_t pids_peak = 0;
  int64_t read_bytes = 0;
  int64_t written_bytes = 0;
  double throttled_s = 0;     // time that the run wanted a core beyond cpu_quota and had to wait
};

// What the kernel said was in force, read back after it was set; never what was merely asked for.
struct Isolation {
  std::string cgroup;                    // "v2", "v1" or "none"
  std::vector<std::string> controllers;  // with a limit in force: "memory", "cpu", "pids"
  std::vector<std::string> namespaces;   // that differ from the keeper's: "user", "mount", "pid", ...
  bool seccomp = false;
  bool no_new_privs = false;
  bool no_capabilities = false;
  int landlock_abi = 0;                  // 0: not in force
  std::string filesystem;                // "overlay", "none"; "unknown": the run was over before it could be read
  std::string network;                   // "none" or "host"
  std::string disk;                      // "quota" or "sampled"
  int64_t uid = -1;                      // of the analysis, as the host sees it
  std::vector<std::string> weakened;     // layers the spec allowed to be missing, and that are
};

struct OutputFile {
  std::string path;  // relative to the work directory
  int64_t size_bytes = 0;
  std::string sha256;
};

struct RunResult {
  RunId run_id;
  std::string name;
  RunStatus status = RunStatus::kPending;
  std::optional<int> exit_code;
  std::optional<int> signal;
  Reason reason = Reason::kNone;
  std::string completion_notes;
  std::string submitted_at, started_at, finished_at;  // RFC 3339, UTC, microseconds; empty: not yet
  Usage usage;
  Isolation isolation;
  std::vector<OutputFile> outputs;
  std::string run_dir, stdout_path, stderr_path, log_path;
  int attempt = 1;
};

}  // namespace fumehood
