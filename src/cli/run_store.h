// The index of runs, as commands open it.
#pragma once

#include "src/cli/command.h"
#include "src/store/store.h"

namespace fumehood {

// What it does by itself it says on standard error (not with --json); on a terminal it shows there how far it has come.
Result<Store> OpenStore(const Context& context);

// False: nothing was ever run here, and whoever only asks makes no state directory.
bool HasState(const Context& context);

}  // namespace fumehood
