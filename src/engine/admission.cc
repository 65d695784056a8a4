#include "src/engine/admission.h"

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/ulid.h"
#include "src/engine/ensure_dispatcher.h"
#include "src/executor/local/launch.h"
#include "src/record/queue_file.h"
#include "src/spec/limits.h"

namespace fumehood {
namespace {

constexpr int64_t kMicro = 1000000;

int64_t Micros(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

int64_t NowUs() { return Micros(Now()); }

Waiting WaitingOf(const RunId& id, const AnalysisSpec& spec, const Config& config) {
  const Limits limits = ResolveLimits(spec, config);
  Waiting waiting;
  waiting.id = id;
  waiting.ask = AskOf(spec, config);
  waiting.priority = spec.priority;
  const auto share = spec.labels.find(config.fair_share_label);
  if (share != spec.labels.end()) waiting.share = share->second.substr(0, kLongestShare);
  waiting.since_us = Micros(TimeOfRunId(id));
  waiting.lasts_us = (limits.timeout_seconds + limits.grace_seconds) * kMicro;
  return waiting;
}

Reservation ReservationOf(const Waiting& waiting, const Demand& demand, int64_t now_us) {
  return {.id = waiting.id, .demand = demand, .priority = waiting.priority, .ends_by_us = now_us + waiting.lasts_us, .share = waiting.share};
}

namespace {

Result<Admitted> TryToAdmit(const Config& config, const Waiting& waiting) {
  FH_ASSIGN_OR_RETURN(const Budget budget, HostBudget(config));
  FH_TRY(CheckEverFits(waiting.ask, budget));
  FH_ASSIGN_OR_RETURN(const Ledger ledger, Ledger::Open(config.state_dir));
  FH_ASSIGN_OR_RETURN(const Fd admission, ledger.LockAdmission());
  Admitted admitted;
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> before, ListWaiting(config.state_dir));
  if (!before.empty()) {
    admitted.why_not = before.size() == 1 ? "one run waits before it" : fmt::format("{} runs wait before it", before.size());
    return admitted;
  }
  FH_ASSIGN_OR_RETURN(const bool dispatching, IsDispatching(config.state_dir));
  const Demand demand = Within(waiting.ask, budget);
  FH_ASSIGN_OR_RETURN(const std::vector<Reservation> held, ledger.Held());
  admitted.why_not = WhyNot(demand, budget, Sum(held));
  if (admitted.why_not.empty() && dispatching) admitted.why_not = "runs that waited are being started just now";
  if (!admitted.why_not.empty()) return admitted;
  FH_ASSIGN_OR_RETURN(admitted.slot, ledger.Reserve(ReservationOf(waiting, demand, NowUs())));
  return admitted;
}

}  // namespace

Result<Admitted> AdmitNow(const Config& config, const Waiting& waiting) {
  auto admitted = TryToAdmit(config, waiting);
  if (!admitted) return WithDisk(std::move(admitted).error(), config);
  return admitted;
}

}  // namespace fumehood
