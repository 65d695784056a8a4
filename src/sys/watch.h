// Wakes when something changes in directories.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// Readable after a write to, a creation in or a rename into any of them. A directory that is not there is passed over.
Result<Fd> WatchDirectories(const std::vector<std::string>& paths);
// Waits for it, at most so long, and takes in what has come.
void AwaitChange(const Fd& watch, int timeout_ms);

}  // namespace fumehood
