// What is left in <state>/staging of runs that were never made, and of removals that were cut short.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/record/run_dir.h"

namespace fumehood {

// Whoever made the entry has gone, and so has its keeper. `handle`, where it is wanted, gets the keeper's.
Result<bool> IsAbandonedStage(const Fd& staging, const std::string& name, std::optional<KeeperHandle>* handle = nullptr);

}  // namespace fumehood
