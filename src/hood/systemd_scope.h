// A transient scope around the keeper, asked of systemd by the launching program: its own manager for an ordinary user, the
// system's for root. What lies below the scope's cgroup is then ours (Delegate=yes). The bus library is loaded only here, and
// only where systemd runs: nobody else pays for it.
#pragma once

#include <sys/types.h>

#include <string>

#include "fumehood/result.h"

namespace fumehood {

// Moves process `pid` into a new scope called `name` (".scope" is added) and waits until it is there. Returns the scope's
// cgroup, as its path below the v2 mount. `description` is what systemctl shows. On an error the process is where it was, or
// in a scope that goes away with it.
Result<std::string> StartScope(pid_t pid, const std::string& name, const std::string& description);

}  // namespace fumehood
