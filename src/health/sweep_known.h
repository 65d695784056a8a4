// What <state>/health/ remembers of inputs and databases (src/integrity/known_state.h) that are not there any more.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/base/clock.h"

namespace fumehood {

// Entries of paths that are gone, as far as that can be seen, and that no run was given since `last_used_before`: a disk that is not mounted
// today may be tomorrow. Their names, removed unless `dry_run`.
Result<std::vector<std::string>> SweepKnown(const std::string& state_dir, WallTime last_used_before, bool dry_run);

}  // namespace fumehood
