// fumehood doctor --monitor and --watch: for programs and people who want to hear of trouble.
#pragma once

#include <cstdint>

#include "src/cli/command.h"

namespace fumehood {

// One line as monitoring plugins print it: "FUMEHOOD WARNING - space: ... | free=...". Gives the state's number, their exit code.
Result<int> DoctorForMonitoring(const Context& context);

// Looks every so many seconds until a signal, or until nobody reads it any more. Prints what is not well at first, then each change.
Result<int> DoctorOnWatch(const Context& context, int64_t seconds);

}  // namespace fumehood
