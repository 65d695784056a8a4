// Dispatcher: the process that starts what waits. Nobody needs to start it: whoever queues a run, or looks at one that waits, sees to it
// (EnsureDispatcher). It keeps nothing of its own that matters: killed at any moment, the next one reads the queue and the ledger and
// goes on. It sleeps while nothing changes, and goes when nothing waits.
#pragma once

#include "fumehood/config.h"
#include "fumehood/result.h"

namespace fumehood {

// Until nothing waits; at once where another does this already.
Result<void> RunDispatcher(const Config& config);

}  // namespace fumehood
