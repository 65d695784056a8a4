// Files that a run has deleted and still holds open: they take room on the disk, and no walk of a directory finds them.
#pragma once

#include <sys/types.h>

#include <vector>

#include "src/record/outputs.h"

namespace fumehood {

// `pids`: the run's processes. `device`: the file system that its directories lie on; `owner`: the uid that it writes as, which tells
// its files from deleted ones of the host that it only reads. Looks at so many descriptors at most (`complete` says whether that
// was enough), so that a run with very many cannot keep the keeper busy. Not seen: files that are mapped but not open, and those
// on their way through a socket.
DiskUse MeasureUnlinked(const std::vector<pid_t>& pids, dev_t device, uid_t owner, int64_t max_descriptors = 100000);

}  // namespace fumehood
