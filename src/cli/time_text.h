// Times of the records, as values and as people read them.
#pragma once

#include <string>

#include "fumehood/run_result.h"
#include "src/base/clock.h"

namespace fumehood {

// "2026-01-02 03:04:05" in the time zone of whoever looks; what is no time comes back as it is.
std::string LocalTime(const std::string& rfc3339);

// When a run was submitted, to the millisecond: a run id begins with it. Empty for what is no run id.
std::string SubmittedAt(const RunId& id);

}  // namespace fumehood
