// Time comes from a Clock parameter wherever a test must be able to set it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace fumehood {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

WallTime Now();
std::string Rfc3339(WallTime time);  // "2026-01-02T03:04:05.678901Z"
std::optional<WallTime> ParseRfc3339(const std::string& text);  // empty for what Rfc3339 does not write

}  // namespace fumehood
