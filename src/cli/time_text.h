// Times of the records, as values and as people read them.
#pragma once

#include <optional>
#include <string>

#include "fumehood/run_result.h"
#include "src/base/clock.h"

namespace fumehood {

// "2026-01-02 03:04:05" in the time zone of whoever looks; what is no time comes back as it is.
std::string LocalTime(const std::string& rfc3339);

// A moment as a person writes it: how long before `now` (90s, 15m, 2h, 3d, 4w), a date (its first moment here), or RFC 3339 with Z or
// an offset, fractions of a second allowed. Empty for what is none of these.
std::optional<WallTime> ParseMoment(const std::string& text, WallTime now);

// When a run was submitted, to the millisecond: a run id begins with it. Empty for what is no run id.
std::string SubmittedAt(const RunId& id);

}  // namespace fumehood
