// Run ids: ULIDs (128 bits: 48 of milliseconds since 1970, 80 random; Crockford base 32), which sort by time.
#pragma once

#include <string>
#include <string_view>

#include "src/base/clock.h"

namespace fumehood {

std::string NewRunId();
bool IsRunId(std::string_view text);  // 26 characters of the alphabet, in range
WallTime TimeOfRunId(std::string_view id);  // when it was made, to the millisecond; `id` must be one

}  // namespace fumehood
