// EnsureDispatcher: WakeDispatcher, as this process would.
#pragma once

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/keeper/wake_dispatcher.h"

namespace fumehood {

// `for_whom_asks`: also where nothing waits in the queue, since the caller will ask it for a turn.
Result<void> EnsureDispatcher(const Config& config, bool for_whom_asks = false);

}  // namespace fumehood
