// Attempts: what a run's directory tells of those that there were, and what that means for the next.
#pragma once

#include <vector>

#include "fumehood/analysis_spec.h"
#include "fumehood/result.h"
#include "src/base/clock.h"
#include "src/record/result_json.h"
#include "src/record/retry.h"
#include "src/record/run_dir.h"

namespace fumehood {

RetryPolicy PolicyOf(const AnalysisSpec& spec);
inline bool MayBeRetried(const RetryPolicy& policy) { return policy.max > 0 || policy.memory_factor > 1; }

struct Attempts {
  int last = 0;                        // 0: none
  bool last_ended = false;             // it has its evidence
  std::vector<AttemptEnd> ended;       // of all that have
  WallTime last_end;
};
// `first_memory_mb`: the limit of the first; those of the others follow from the policy.
Attempts ReadAttempts(const RunDir& run, const RetryPolicy& policy, int64_t first_memory_mb);

// With the spec as the run's record has it. Without one: no policy.
struct RetryRecord {
  RetryPolicy policy;
  Attempts attempts;
};
RetryRecord ReadRetryRecord(const RunDir& run);

// Takes attempts/N out of the staged directory into the run's, with the handle of its keeper and the links; `staged` is the run then.
// kAlreadyExists: there is such an attempt.
Result<void> PublishAttempt(const std::string& state_dir, const RunId& id, int number, RunDir& staged);

}  // namespace fumehood
