#include "src/executor/local/attempts.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "src/record/read_result.h"
#include "src/spec/parse.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {

RetryPolicy PolicyOf(const AnalysisSpec& spec) {
  RetryPolicy policy{.max = spec.retries.max, .on = spec.retries.on};
  if (spec.memory_plan && !spec.memory_plan->automatic) {
    policy.memory_factor = std::atoll(spec.memory_plan->on_oom.c_str() + 1);  // "x2": judged by the rules of the spec
    policy.memory_max_mb = spec.memory_plan->max_mb;
  }
  return policy;
}

Attempts ReadAttempts(const RunDir& run, const RetryPolicy& policy, int64_t first_memory_mb) {
  Attempts attempts;
  int64_t memory_mb = first_memory_mb;
  for (int number = 1;; ++number) {
    const auto dir = OpenAttemptDir(run, number);
    if (!dir) return attempts;
    attempts.last = number;
    const auto exit = ReadExit(dir->fd.get());
    attempts.last_ended = exit.has_value();
    if (!exit) return attempts;
    attempts.ended.push_back({exit->reason, memory_mb});
    attempts.last_end = ParseRfc3339(exit->finished_at).value_or(WallTime());
    memory_mb = NextMemoryLimitMb(policy, attempts.ended);
  }
}

RetryRecord ReadRetryRecord(const RunDir& run) {
  RetryRecord record;
  int64_t first_memory_mb = 0;
  if (const auto text = ReadFile(run.fd.get(), layout::kSpec)) {
    if (const auto spec = ParseSpec(*text, Format::kJson, layout::kSpec)) {
      record.policy = PolicyOf(*spec);
      first_memory_mb = spec->memory_plan ? spec->memory_plan->start_mb : spec->memory_limit_mb.value_or(0);
    }
  }
  record.attempts = ReadAttempts(run, record.policy, first_memory_mb);
  return record;
}

Result<void> PublishAttempt(const std::string& state_dir, const RunId& id, int number, RunDir& staged) {
  FH_ASSIGN_OR_RETURN(RunDir run, OpenRunDir(state_dir, id));
  const std::string name = fmt::format("{}/{}", layout::kAttempts, number);
  if (renameat2(staged.fd.get(), name.c_str(), run.fd.get(), name.c_str(), RENAME_NOREPLACE) != 0) {
    const int error = errno;
    return ErrnoError(error, fmt::format("make attempt {} of run {}", number, id));
  }
  // The handle after it: who looks in between sees an attempt that was not executed, of a keeper that has gone.
  if (renameat(staged.fd.get(), layout::kKeeper, run.fd.get(), layout::kKeeper) != 0) {
    const int error = errno;
    return ErrnoError(error, "hand over the keeper of run " + id);
  }
  FH_TRY(PointLinksTo(run, number));
  FH_TRY(DiscardStagedRun(state_dir, staged.id));
  staged = std::move(run);
  return {};
}

}  // namespace fumehood
