#include "src/sys/positioned_io.h"

#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {

Result<size_t> ReadAt(int fd, char* buffer, size_t size, int64_t offset) {
  size_t filled = 0;
  while (filled < size) {
    const ssize_t got = pread(fd, buffer + filled, size - filled, offset + static_cast<int64_t>(filled));
    const int error = errno;
    if (got == 0) break;
    if (got > 0) {
      filled += static_cast<size_t>(got);
    } else if (error != EINTR) {
      return ErrnoError(error, "read");
    }
  }
  return filled;
}

Written WriteAt(int fd, std::string_view data, int64_t offset) {
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t put = pwrite(fd, data.data() + done, data.size() - done, offset + static_cast<int64_t>(done));
    const int error = errno;
    if (put > 0) {
      done += static_cast<size_t>(put);
    } else if (put == 0) {
      return {done, Error(ErrorCode::kResourceExhausted, "write: nothing was taken")};
    } else if (error != EINTR) {
      return {done, ErrnoError(error, "write")};
    }
  }
  return {done, std::nullopt};
}

Result<void> Truncate(int fd, int64_t size) {
  if (ftruncate(fd, size) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "truncate");
}

Result<void> SyncData(int fd) {
  if (fdatasync(fd) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "fdatasync");
}

Result<void> SyncFileSystem(int fd) {
  if (syncfs(fd) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "syncfs");
}

Result<bool> TryLockExclusive(int fd) {
  for (;;) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    const int error = errno;
    if (error == EWOULDBLOCK) return false;
    if (error != EINTR) return ErrnoError(error, "lock");
  }
}

Result<void> LockExclusive(int fd) {
  while (flock(fd, LOCK_EX) != 0) {
    const int error = errno;
    if (error != EINTR) return ErrnoError(error, "lock");
  }
  return {};
}

void Unlock(int fd) { (void)flock(fd, LOCK_UN); }

Result<std::optional<std::string>> FindXattr(int fd, const std::string& name) {
  // The attributes that we ask for are single letters and overlay redirects; a longer one is none of those.
  std::array<char, 256> value{};
  const ssize_t size = fgetxattr(fd, name.c_str(), value.data(), value.size());
  const int error = errno;
  if (size >= 0) return std::optional<std::string>(std::string(value.data(), static_cast<size_t>(size)));
  if (error == ENODATA || error == EOPNOTSUPP) return std::optional<std::string>();
  return ErrnoError(error, "read attribute " + Quoted(name));
}

}  // namespace fumehood
