// Checks of what runs stand on: room, clock, state directory, records, runtimes, databases; and whether the isolation can be had. Each is
// cheap enough to be made every minute.
#pragma once

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "src/executor/local/resolve.h"
#include "src/health/doctor.h"

namespace fumehood {

// In the order of their numbers as monitoring systems have them, which are their exit codes.
enum class CheckState { kOk = 0, kWarning = 1, kCritical = 2, kUnknown = 3 };
inline constexpr const char* kCheckStateNames[] = {"ok", "warning", "critical", "unknown"};
const char* Name(CheckState state);
// Of several the one to tell: critical, then warning, then unknown, then ok.
CheckState WorstOf(CheckState a, CheckState b);

struct HealthCheck {
  std::string name;     // "space"
  CheckState state = CheckState::kOk;
  std::string found;    // a sentence without its full stop
  std::string mend;     // what to do; empty where nothing is wrong
  std::string measure;  // performance data of monitoring systems: "free=123B;;;0;456"; may be empty
};

// One function a file.
HealthCheck CheckSpace(const Config& config);
HealthCheck CheckClock(const Config& config);
HealthCheck CheckStateDirectory(const Config& config);
HealthCheck CheckRecords(const Config& config);
HealthCheck CheckRuntimes(const Config& config);
HealthCheck CheckDatabases(const Config& config);
HealthCheck IsolationCheck(const DoctorReport& report);

// All of them but the isolation.
std::vector<HealthCheck> CheckHealth(const Config& config);

}  // namespace fumehood
