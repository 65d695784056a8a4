// Suggest: limits for a spec from the past runs of its analysis.
#pragma once

#include <optional>
#include <string>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "src/store/predict.h"
#include "src/store/store.h"

namespace fumehood {

// What the spec's inputs and databases hold now, in bytes, as far as the caller can see them; -1: something is not there.
int64_t InputBytesOf(const AnalysisSpec& spec, const std::string& directory);

// The bounds are the configuration's maximum.
PredictRules RulesOf(const Config& config);

struct Suggestion {
  std::string analysis;
  int64_t input_bytes = -1;
  int64_t past_runs = 0;                 // that ended, of those that were looked at
  std::optional<Prediction> prediction;  // empty: too few of them completed
};
// `directory`: the submitter's, to which relative paths belong.
Result<Suggestion> SuggestFor(Store& store, const AnalysisSpec& spec, const std::string& directory, const Config& config);

// For `memory_limit_mb: auto`: the limit in MiB with a sentence on what it was read from; empty: too little is known, and the profile's holds.
struct AutomaticMemory {
  int64_t limit_mb = 0;
  std::string evidence;
};
Result<std::optional<AutomaticMemory>> MemoryFromHistory(const AnalysisSpec& spec, const std::string& directory, const Config& config);

}  // namespace fumehood
