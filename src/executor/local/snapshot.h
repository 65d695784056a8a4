// A consistent copy of a SQLite database while others write to it.
#pragma once

#include <string>

#include "fumehood/result.h"

namespace fumehood {

// By SQLite's own backup call, in bounded steps: between two of them writers go on, and a change restarts the copy, at most so
// often that it always ends. `to` must not be there.
Result<void> SnapshotDatabase(const std::string& from, const std::string& to);

}  // namespace fumehood
