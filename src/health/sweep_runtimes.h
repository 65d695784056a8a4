// What builds, imports and checks of runtimes left whose program was killed.
#pragma once

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"

namespace fumehood {

// Directories below <state>/runtimes that no entry points into, where nobody holds the lock of their name. Their names, removed
// unless `dry_run`.
Result<std::vector<std::string>> SweepRuntimes(const Config& config, bool dry_run);

// Trial runs (src/executor/local/trial_run.h) whose program has gone. One whose keeper still works is left for the next time.
Result<std::vector<std::string>> SweepTrials(const Config& config, bool dry_run);

}  // namespace fumehood
