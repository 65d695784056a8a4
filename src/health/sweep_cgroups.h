// Cgroups of runs and boxes whose keepers were killed before they could remove them.
#pragma once

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"

namespace fumehood {

// The names of those that were removed; `dry_run`: would be. One goes when its keeper has gone, by the word of its run or staged
// run in this state directory; those that other state directories have beside it are theirs.
Result<std::vector<std::string>> SweepCgroups(const Config& config, bool dry_run);

}  // namespace fumehood
