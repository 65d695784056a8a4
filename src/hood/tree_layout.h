// The system of a tree: an unpacked root file system whose directories a run sees instead of the host's.
//
// The tree may come from anybody's image. What it says is never followed on the host: a link in it that is absolute or climbs
// out means what it means to a process whose root the tree is.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/hood/planner.h"

namespace fumehood {

// Each top-level directory and link of `tree` (absolute), and those of its /var, but for what the hood makes itself. Files at the
// top are not shown: a bind of a single file would share its locks.
Result<HostLayout> FindTreeLayout(const std::string& tree);

// "" where something can be shown at `target` (absolute, in the hood), or why not: a tree's directories are never changed, so
// that in them only what is there can be covered.
std::string WhyNotShownAt(const std::string& tree, const HostLayout& layout, const std::string& target, bool is_directory);

// True where a process whose root `tree` is would find a file at `path` (absolute) that somebody may execute.
bool HasExecutable(const std::string& tree, const std::string& path);

}  // namespace fumehood
