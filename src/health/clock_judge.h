// What two readings of the clocks say: pure.
#pragma once

#include <optional>
#include <string>

#include "src/health/health_check.h"
#include "src/sys/host_state.h"

namespace fumehood {

struct ClockMemory {
  std::string boot_id;
  ClockReading reading;
};
// `built`: when this program was made, which is in the past.
HealthCheck JudgeClock(const std::optional<ClockMemory>& before, const ClockMemory& now, WallTime built);

}  // namespace fumehood
