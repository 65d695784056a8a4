// Predict: limits for an analysis from what its past runs have used. Pure.
//
// Memory. Runs that completed show what they needed. Runs that were ended for their memory show only that they needed more than they had, so
// their limit counts as a peak that was not enough. Where the peaks of the past grow with the size of the inputs, a line is laid through
// them (least absolute error in slope: Theil, Indag. Math. 1950; Sen, JASA 1968, which one odd run does not turn), raised until no past run
// lies above it, and read at the size that is asked for; it never goes below the highest peak that was seen of runs with no larger inputs.
// Else the highest peak is it. The margin comes on top.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/run_result.h"
#include "src/store/run_row.h"

namespace fumehood {

struct PastRun {
  RunId id;
  bool completed = false;
  Reason reason = Reason::kNone;
  int64_t input_bytes = -1;   // -1: unknown
  double memory_peak_mb = 0;
  int64_t memory_limit_mb = 0;
  double wall_s = 0;
  double cpu_s = 0;
  double throttled_s = 0;
  double cpu_quota = 0;
  int64_t pids_peak = 0;
};
PastRun PastRunOf(const RunRow& row);

struct PredictRules {
  double memory_margin = 1.25;
  double time_margin = 3;        // a run that is cut short has wasted all of it
  double pids_margin = 1.5;
  int64_t memory_floor_mb = 64;
  int64_t timeout_floor_s = 60;
  int64_t pids_floor = 32;
  double cpu_floor = 0.5;
  // At most; 0: no bound.
  int64_t memory_most_mb = 0;
  int64_t timeout_most_s = 0;
  int64_t pids_most = 0;
  double cpu_most = 0;
  int64_t enough_runs = 3;       // fewer tell too little
};

enum class Basis { kHighest, kGrowth };  // the highest peak, or a line over the size of the inputs

struct Prediction {
  int64_t memory_limit_mb = 0;
  double cpu_quota = 0;
  int64_t pids_limit = 0;
  int64_t timeout_seconds = 0;
  // The evidence.
  std::vector<RunId> runs;          // that it was read from, the newest first
  int64_t completed = 0;
  int64_t ended_for_memory = 0;
  double lowest_mb = 0, median_mb = 0, highest_mb = 0;  // peaks of the completed
  double longest_s = 0;
  Basis basis = Basis::kHighest;
  double mb_per_gib = 0;            // of kGrowth: more memory for each GiB more of inputs
  double margin = 1;
  bool capped = false;              // one of the bounds held it down
  std::string Evidence() const;     // a sentence or two
};

// Empty: fewer than rules.enough_runs have completed. `past`: the newest first; `input_bytes` -1: unknown.
std::optional<Prediction> Predict(const std::vector<PastRun>& past, int64_t input_bytes, const PredictRules& rules);

}  // namespace fumehood
