// A uid of the configured range that no other live run has: runs started by root get one each.
#pragma once

#include <cstdint>
#include <string>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

struct UidLease {
  int64_t uid = -1;
  Fd lock;  // the lease ends with it, however the holder ends: the kernel drops an flock with its last descriptor
};

Result<UidLease> LeaseUid(const std::string& state_dir, int64_t first, int64_t count);

}  // namespace fumehood
