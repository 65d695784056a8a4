#include "src/cli/time_text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
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

namespace {

std::optional<WallTime> ParseAgo(const std::string& text, WallTime now) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  constexpr int64_t kMost = 1000000000;
  if (error != std::errc() || end + 1 != text.data() + text.size() || count < 0 || count > kMost) return std::nullopt;
  switch (*end) {
    case 's': return now - std::chrono::seconds(count);
    case 'm': return now - std::chrono::minutes(count);
    case 'h': return now - std::chrono::hours(count);
    case 'd': return now - std::chrono::hours(24 * count);
    case 'w': return now - std::chrono::hours(7 * 24 * count);
    default: return std::nullopt;
  }
}

bool InRange(const struct tm& parts) {
  return parts.tm_mon >= 0 && parts.tm_mon < 12 && parts.tm_mday >= 1 && parts.tm_mday <= 31 && parts.tm_hour >= 0 && parts.tm_hour < 24 &&
         parts.tm_min >= 0 && parts.tm_min < 60 && parts.tm_sec >= 0 && parts.tm_sec <= 60;
}

}  // namespace

std::optional<WallTime> ParseMoment(const std::string& text, WallTime now) {
  if (const auto ago = ParseAgo(text, now)) return ago;
  struct tm parts {};
  int length = 0;
  const int fields = sscanf(text.c_str(), "%4d-%2d-%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &length);
  if (fields != 3 || length != 10) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  if (text.size() == 10) {
    parts.tm_isdst = -1;
    return InRange(parts) ? std::optional(WallTime(std::chrono::seconds(mktime(&parts)))) : std::nullopt;
  }
  int more = 0;
  if (sscanf(text.c_str() + length, "T%2d:%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &more) != 3 || !InRange(parts)) return std::nullopt;
  std::string rest = text.substr(static_cast<size_t>(length + more));
  if (rest.starts_with('.')) rest.erase(0, std::min(rest.size(), rest.find_first_not_of("0123456789", 1)));
  const WallTime utc(std::chrono::seconds(timegm(&parts)));
  if (rest == "Z") return utc;
  int hours = 0;
  int minutes = 0;
  char sign = 0;
  int used = 0;
  if (sscanf(rest.c_str(), "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || static_cast<size_t>(used) != rest.size()) return std::nullopt;
  if (sign != '+' && sign != '-') return std::nullopt;
  const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return sign == '+' ? utc - offset : utc + offset;
}

std::string SubmittedAt(const RunId& id) {
  if (!IsRunId(id)) return "";
  return Rfc3339(TimeOfRunId(id));
}

}  // namespace fumehood
