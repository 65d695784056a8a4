// Admission: a run's way into the host's budget: at once, or by waiting for its turn.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/engine/pick.h"
#include "src/record/ledger.h"

namespace fumehood {

// What the decision on a run's turn needs to know of it.
Waiting WaitingOf(const RunId& id, const AnalysisSpec& spec, const Config& config);

Reservation ReservationOf(const Waiting& waiting, const Demand& demand, int64_t now_us);

// A slot, where the run fits beside what runs and nobody waits before it. Else why not. An error: it can never fit.
struct Admitted {
  HeldSlot slot;
  std::string why_not;  // a clause; empty: admitted
};
Result<Admitted> AdmitNow(const Config& config, const Waiting& waiting);

int64_t NowUs();

}  // namespace fumehood
