#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/health/health_check.h"
#include "src/record/list_runs.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/record/verify.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

// The latest ones: cheap, and trouble is new. `fumehood verify` looks at any one as a whole.
constexpr size_t kLookedAt = 50;

// What is wrong with the record of one run; empty: nothing.
struct Trouble {
  std::string what;
  bool lost = false;  // its end has not been recorded yet, which anybody who asks for it does
};

Trouble TroubleOf(const std::string& state_dir, const RunId& id) {
  const auto run = OpenRunDir(state_dir, id);
  if (!run) return {run.error().message()};
  const auto result = ReadResult(run->fd.get());
  if (!result && result.error().code() == ErrorCode::kNotFound) {
    const auto handle = ReadKeeperHandle(run->fd.get());
    const auto keeper = handle ? FindByIdentity(handle->process) : Result<Fd>(handle.error());
    if (keeper && keeper->valid()) return {};  // it goes on
    // It may have ended between the two looks.
    return ReadResult(run->fd.get()) ? Trouble() : Trouble{"its keeper has gone, and its end is not recorded", true};
  }
  if (!result) return {result.error().message()};
  const auto events = ReadFile(run->fd.get(), layout::kEvents);
  if (!events) return {events.error().message()};
  const ChainReport chain = VerifyChain(*events);
  if (!chain.findings.empty()) return {fmt::format("{}: {}", layout::kEvents, chain.findings[0].problem)};
  if (chain.ends_torn) return {std::string(layout::kEvents) + " ends in the middle of an event"};
  return {};
}

}  // namespace

HealthCheck CheckRecords(const Config& config) {
  const auto ids = ListRuns(config.state_dir);
  if (!ids) return {.name = "records", .state = CheckState::kUnknown, .found = ids.error().message()};
  const size_t looked_at = std::min(ids->size(), kLookedAt);
  HealthCheck check{.name = "records"};
  int64_t damaged = 0;
  int64_t lost = 0;
  std::string first;
  for (auto id = ids->rbegin(); id != ids->rbegin() + static_cast<ptrdiff_t>(looked_at); ++id) {
    const Trouble trouble = TroubleOf(config.state_dir, *id);
    if (trouble.what.empty()) continue;
    (trouble.lost ? lost : damaged) += 1;
    // Damage is told before loss.
    if (first.empty() || (!trouble.lost && damaged == 1)) {
      first = fmt::format("run {}: {}", *id, trouble.what);
      check.mend = trouble.lost ? "`fumehood status " + *id + "` records it" : "`fumehood verify " + *id + "` tells more";
    }
  }
  check.found = ids->empty() ? "there are no runs yet" : fmt::format("{} of the latest {} runs have a whole record", static_cast<int64_t>(looked_at) - damaged - lost, looked_at);
  if (!first.empty()) check.found += "; " + first;
  if (damaged > 0) check.state = CheckState::kCritical;
  if (damaged == 0 && lost > 0) check.state = CheckState::kWarning;
  check.measure = fmt::format("runs={};;;0 records_damaged={};;;0", ids->size(), damaged);
  return check;
}

}  // namespace fumehood
