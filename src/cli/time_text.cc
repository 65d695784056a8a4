#include "src/cli/time_text.h"

#include <ctime>

#include "src/base/ulid.h"

namespace fumehood {

std::string LocalTime(const std::string& rfc3339) {
  const auto time = ParseRfc3339(rfc3339);
  if (!time) return rfc3339;
  const time_t seconds = std::chrono::system_clock::to_time_t(*time);
  struct tm parts {};
  char text[32];
  if (localtime_r(&seconds, &parts) == nullptr || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0) return rfc3339;
  return text;
}

std::string SubmittedAt(const RunId& id) {
  if (!IsRunId(id)) return "";
  return Rfc3339(TimeOfRunId(id));
}

}  // namespace fumehood
