// Who starts what waits: one process at a time for a state directory, known by a lock that goes with it, however it ends.
#pragma once

#include <optional>
#include <string>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// Empty: another process holds it.
Result<std::optional<Fd>> TryLockDispatcher(const std::string& state_dir);
Result<bool> IsDispatching(const std::string& state_dir);

// Starts a dispatcher where something waits and none is there; `for_whom_asks`: also where nothing waits in the queue, since the caller
// will ask it for a turn. The dispatcher outlives the caller, and ends when nothing waits any more.
Result<void> EnsureDispatcher(const Config& config, bool for_whom_asks = false);

}  // namespace fumehood
