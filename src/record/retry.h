// Retry: whether an attempt that ended is followed by another, with how much memory, and when. Pure, and the only place where that is
// decided: the keeper asks at the end of an attempt, whoever finds one lost asks for it, and the dispatcher asks what the next one gets.
//
// The analysis' own failures and the system's have a budget each: a run that the machine lost twice has not used up its tries at what
// it fails by itself. Which of the two a reason is: see Reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/run_result.h"

namespace fumehood {

struct RetryPolicy {
  int64_t max = 0;              // tries after the first, of each budget
  std::vector<std::string> on;  // names of reasons
  int64_t memory_factor = 0;    // what memory_limit does with the limit of the next attempt; 0: nothing, and no retry by itself
  int64_t memory_max_mb = 0;
};

struct AttemptEnd {
  Reason reason = Reason::kNone;
  int64_t memory_limit_mb = 0;  // that it had
};

// `history`: all ends so far, the last one included. What was asked for, or went well, is never followed by another.
bool IsRetried(const RetryPolicy& policy, const std::vector<AttemptEnd>& history);

// Of the attempt after these.
int64_t NextMemoryLimitMb(const RetryPolicy& policy, const std::vector<AttemptEnd>& history);

// Between the last end and the next start: 1 s, doubled with each try, at most 300 s; less by up to a half, by `seed`, so that a
// hundred runs that failed together do not come back together.
std::chrono::milliseconds PauseBeforeRetry(size_t attempts_so_far, const std::string& seed);

// "tried 3 times: memory_limit with 64 MiB, memory_limit with 128 MiB"; of what was before the attempt that is told of.
std::string DescribeEarlier(const std::vector<AttemptEnd>& earlier);

}  // namespace fumehood
