// RunRow: what the index knows of a run. All of it is read from the run's directory, or, while it waits, from its queue file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "fumehood/analysis_spec.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/record/run_dir.h"

namespace fumehood {

struct RunRow {
  RunId id;
  std::string name;
  RunStatus status = RunStatus::kPending;
  Reason reason = Reason::kNone;
  std::optional<int64_t> exit_code;
  bool waits = false;                // it is in the queue and has no directory yet
  int64_t attempt = 1;
  std::string runtime;
  std::string runtime_lock;          // digest; empty: the runtime has none
  std::string profile;
  int64_t uid = -1;                  // of the submitter; -1: unknown
  int64_t priority = 0;
  std::map<std::string, std::string> labels;
  std::string pipeline, step;        // of its labels: see kPipelineLabel
  std::string share;                 // fair share: of its labels, else the submitter's uid
  std::string idempotency_key;       // empty: none
  RunId rerun_of;                    // empty: of none
  bool pinned = false;               // gc leaves it: src/record/pins.h

  // Microseconds since 1970; 0: not yet.
  int64_t submitted_us = 0, started_us = 0, finished_us = 0;

  // Asked for; 0: unknown.
  int64_t memory_limit_mb = 0;
  double cpu_quota = 0;
  int64_t pids_limit = 0, timeout_seconds = 0, disk_limit_mb = 0;

  // Used, once it has ended.
  double memory_peak_mb = 0, cpu_s = 0, wall_s = 0;
  int64_t pids_peak = 0, read_bytes = 0, written_bytes = 0;
  double throttled_s = 0;

  int64_t input_bytes = -1;          // of declared inputs and databases; -1: unknown
  std::string analysis;              // fingerprint: runs of one analysis have the same; see AnalysisFingerprint
  int64_t disk_bytes = -1, disk_files = -1;  // of its directory; -1: not measured

  bool operator==(const RunRow&) const = default;
};

// Labels that a pipeline gives its steps.
inline constexpr const char* kPipelineLabel = "pipeline";
inline constexpr const char* kStepLabel = "step";

// The same for runs that do the same with other data: of the runtime and the command, in which the paths of inputs and databases do
// not count. `command` is argv, or the script alone.
std::string AnalysisFingerprint(const AnalysisSpec& spec);
std::string AnalysisFingerprint(const std::string& runtime, const std::vector<std::string>& command, const std::vector<std::string>& data_paths);

// Of a run that waits; the times but its submission are 0.
RunRow RowOfSpec(const RunId& id, const AnalysisSpec& spec, int64_t uid);

// Of a run directory, by what lies in it: without a result it is RUNNING, whether its keeper lives or not; with a damaged one it is
// UNKNOWN. What else cannot be read of a damaged record is left at its default: `verify` is who complains.
RunRow ReadRunRow(const std::string& state_dir, const RunDir& run);

// As far as a row tells it: for what `fumehood ls` shows.
RunResult ResultOfRow(const std::string& state_dir, const RunRow& row);

}  // namespace fumehood
