// Who starts what waits: one process at a time for a state directory (src/engine/dispatcher.h), known by a lock that goes with it, however
// it ends. Here is how it is found and started, by whoever queues a run, looks at one, or, at the end of its own run, finds one waiting.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// Empty: another process holds it.
Result<std::optional<Fd>> TryLockDispatcher(const std::string& state_dir);
Result<bool> IsDispatching(const std::string& state_dir);

struct DispatcherProgram {
  std::string path;              // of `fumehood`; empty: it was not found
  std::vector<std::string> env;  // "K=V"
};
// As this process would start it: of `environment` what the configuration and systemd are read from.
DispatcherProgram FindDispatcherProgram(const std::string& state_dir, const std::map<std::string, std::string>& environment);

// Starts one where something waits and none is there. `whatever_waits`: also where nothing waits in the queue, for a caller who will ask
// it for a turn. It outlives the caller, and ends when nothing waits any more.
Result<void> WakeDispatcher(const std::string& state_dir, const DispatcherProgram& program, bool whatever_waits = false);

}  // namespace fumehood
