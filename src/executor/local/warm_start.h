// Warm starts: an interpreter that waits in a sealed box with its packages loaded takes the run (docs/warm.md).
//
// A waiting box serves a run whose whole hood would be made in the very same words: same work directory and inputs, same limits that
// a hood knows, same variables but for those of the spec. So it can be sealed to the last step before its run is known, and a
// run that is handed to it is under what it would have been under anyway.
#pragma once

#include <optional>
#include <string>

#include "src/executor/local/kept_box.h"
#include "src/executor/local/resolve.h"
#include "src/keeper/order.h"

namespace fumehood {

// Why this run cannot start warm, for the record; empty: it can.
std::string WhyNotWarm(const ResolvedRun& run, const Config& config);

// The box for it: `order` has its own, and the rest of its plan. To be asked after WhyNotWarm().
Result<BoxOrder> WarmBoxFor(const ResolvedRun& run, const KeeperOrder& order, const Config& config);

// One that waits; empty: none does.
std::optional<KeptBox> TakeWarmBox(const BoxOrder& warm);


// Starts one more for such runs, where fewer wait than may. Does not wait for it, and leaves it to itself.
Result<void> ParkWarmBox(const BoxOrder& warm);

// The same, and waits until it is ready. False: as many wait as may.
Result<bool> ParkWarmBoxAndWait(const BoxOrder& warm);

}  // namespace fumehood
