#include "src/health/health_check.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {

const char* Name(CheckState state) { return kCheckStateNames[static_cast<size_t>(state)]; }

CheckState WorstOf(CheckState a, CheckState b) {
  for (const CheckState state : {CheckState::kCritical, CheckState::kWarning, CheckState::kUnknown}) {
    if (a == state || b == state) return state;
  }
  return CheckState::kOk;
}

HealthCheck IsolationCheck(const DoctorReport& report) {
  HealthCheck check{.name = "isolation", .found = "the default isolation can be enforced"};
  std::vector<std::string> missing;
  for (const LayerReport& layer : report.layers) {
    if (layer.good) continue;
    missing.push_back(layer.layer);
    if (check.mend.empty()) check.mend = layer.mend;
  }
  if (report.enforceable) return check;
  check.state = CheckState::kCritical;
  check.found = missing.empty() ? "no run could be made" : "missing: " + Join(missing, ", ");
  return check;
}

std::vector<HealthCheck> CheckHealth(const Config& config) {
  return {CheckSpace(config),   CheckClock(config),    CheckStateDirectory(config),
          CheckRecords(config), CheckRuntimes(config), CheckDatabases(config)};
}

}  // namespace fumehood
