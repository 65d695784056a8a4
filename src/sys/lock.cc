#include "src/sys/lock.h"

#include <sys/file.h>

#include <cerrno>

#include "src/sys/errno_error.h"

namespace fumehood {

Result<void> LockExclusive(const Fd& file) {
  while (flock(file.get(), LOCK_EX) != 0) {
    const int error = errno;
    if (error != EINTR) return ErrnoError(error, "lock a file");
  }
  return {};
}

}  // namespace fumehood
