#include "src/base/clock.h"

#include <cstdio>
#include <ctime>

#include <fmt/format.h>

namespace fumehood {

WallTime Now() { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }

std::string Rfc3339(WallTime time) {
  const long long micros = time.time_since_epoch().count();
  const time_t seconds = micros / 1000000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, micros % 1000000);
}

std::optional<WallTime> ParseRfc3339(const std::string& text) {
  struct tm parts {};
  int micros = 0;
  char zone = 0;
  char after = 0;
  const int fields = sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6d%c%c", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                            &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &micros, &zone, &after);
  if (fields != 8 || zone != 'Z') return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return WallTime(std::chrono::seconds(timegm(&parts)) + std::chrono::microseconds(micros));
}

}  // namespace fumehood
