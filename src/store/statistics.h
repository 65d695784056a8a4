// Statistics over runs: how many, how long they waited, why they failed, and whose limits do not fit what they use. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/store/predict.h"
#include "src/store/run_row.h"

namespace fumehood {

struct Percentiles {
  double median = 0, p90 = 0, p99 = 0;
  bool operator==(const Percentiles&) const = default;
};
Percentiles PercentilesOf(std::vector<double> values);  // nearest rank; 0 of none

enum class Fit { kUnknown, kGood, kTooHigh, kTooLow };
const char* Name(Fit fit);  // "too_high"

// The runs of one analysis.
struct AnalysisUse {
  std::string analysis;
  std::string name;              // of its latest run
  std::string runtime;
  int64_t runs = 0, completed = 0, ended_for_memory = 0;
  int64_t asked_mb = 0;          // by its latest run
  double used_mb = 0;            // the highest peak
  int64_t suggested_mb = 0;      // 0: too little is known
  Fit memory = Fit::kUnknown;
  int64_t asked_s = 0, suggested_s = 0;
  double longest_s = 0;
};

struct Statistics {
  int64_t runs = 0, ended = 0;
  std::map<RunStatus, int64_t> by_status;
  std::map<Reason, int64_t> failures;    // of those that ended and did not complete
  double span_s = 0;                     // from the first submission to the last end
  double ended_per_hour = 0;
  double cpu_hours = 0;
  Percentiles waited_s;                  // from submission to start
  Percentiles lasted_s;
  std::vector<AnalysisUse> analyses;     // those that waste the most memory first: asked less used, times runs
};

// `rows`: the newest first.
Statistics Summarise(const std::vector<RunRow>& rows, const PredictRules& rules);

}  // namespace fumehood
