// Reading and writing at an offset, and what else the files of a run need of the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fumehood/result.h"

namespace fumehood {

// Fills `buffer` from `offset` on; less only at the end of the file.
Result<size_t> ReadAt(int fd, char* buffer, size_t size, int64_t offset);

// How far a write came. A full disk takes the first part of a write and refuses the rest.
struct Written {
  size_t bytes = 0;
  std::optional<Error> error;  // set when bytes is less than was given
};
Written WriteAt(int fd, std::string_view data, int64_t offset);

Result<void> Truncate(int fd, int64_t size);

Result<void> SyncData(int fd);        // fdatasync(2)
Result<void> SyncFileSystem(int fd);  // all of the file system on which the file lies

// False: another open file of it holds the lock. It ends with the last descriptor of this open file (flock(2)).
Result<bool> TryLockExclusive(int fd);
Result<void> LockExclusive(int fd);  // waits
void Unlock(int fd);  // also for the descriptor's copies in children

// The value of an extended attribute; empty where the file, or its file system, has none.
Result<std::optional<std::string>> FindXattr(int fd, const std::string& name);

}  // namespace fumehood
