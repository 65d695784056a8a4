// Copies a file or a tree of directories, regular files and links. Nothing else is copied: sockets, FIFOs and devices are left out.
#pragma once

#include <string>

#include "fumehood/result.h"

namespace fumehood {

// `name` in `to_dir` must not be there. Keeps permission bits (not setuid, setgid, sticky), times, and, for root, owners.
Result<void> CopyTree(int from_dir, const std::string& from, int to_dir, const std::string& name);

}  // namespace fumehood
