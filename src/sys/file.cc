#include "src/sys/file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

Result<Fd> OpenHow(int dir, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
  struct open_how how {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = resolve;
  for (;;) {
    const long raw = syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
    if (raw >= 0) return Fd(static_cast<int>(raw));
    const int error = errno;
    // EAGAIN: a rename elsewhere raced with the walk, and the kernel could not be sure (openat2(2)).
    if (error == EINTR || error == EAGAIN) continue;
    if (error == EXDEV || error == ELOOP) {
      return Error(ErrorCode::kPermissionDenied, "open " + Quoted(path) + ": a link leads out of the directory it may not leave",
                   error);
    }
    return ErrnoError(error, "open " + Quoted(path));
  }
}

}  // namespace

Result<Fd> OpenAt(int dir, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int raw = openat(dir, path.c_str(), flags | O_CLOEXEC, mode);
    if (raw >= 0) return Fd(raw);
    const int error = errno;
    if (error != EINTR) return ErrnoError(error, "open " + Quoted(path));
  }
}

Result<Fd> OpenDir(int dir, const std::string& path) { return OpenAt(dir, path, O_RDONLY | O_DIRECTORY); }

Result<Fd> OpenBeneath(int dir, const std::string& path, int flags, mode_t mode) {
  return OpenHow(dir, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> OpenBeneathFollowing(int dir, const std::string& path, int flags, mode_t mode) {
  return OpenHow(dir, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> OpenInRoot(int dir, const std::string& path, int flags, mode_t mode) {
  return OpenHow(dir, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<struct stat> StatFd(const Fd& fd) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) {
    const int error = errno;
    return ErrnoError(error, "stat");
  }
  return info;
}

Result<std::optional<struct stat>> FindStat(int dir, const std::string& path, bool follow_links) {
  struct stat info {};
  if (fstatat(dir, path.c_str(), &info, follow_links ? 0 : AT_SYMLINK_NOFOLLOW) == 0) return std::optional(info);
  const int error = errno;
  if (error == ENOENT || error == ENOTDIR) return std::optional<struct stat>();
  return ErrnoError(error, "stat " + Quoted(path));
}

Result<std::string> ReadFd(int fd, size_t limit) {
  std::string data;
  constexpr size_t kChunk = 16384;
  for (;;) {
    const size_t before = data.size();
    data.resize(before + kChunk);
    const ssize_t got = read(fd, data.data() + before, kChunk);
    const int error = errno;
    data.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return data;
    if (got < 0 && error != EINTR) return ErrnoError(error, "read");
    if (data.size() > limit) {
      return Error(ErrorCode::kResourceExhausted, fmt::format("read: larger than the {} it may have", HumanBytes(static_cast<long long>(limit))));
    }
  }
}

Result<std::string> ReadFile(int dir, const std::string& path, size_t limit) {
  FH_ASSIGN_OR_RETURN(const Fd fd, OpenAt(dir, path, O_RDONLY));
  auto data = ReadFd(fd.get(), limit);
  if (!data) return std::move(data).error().Within(Quoted(path));
  return data;
}

Result<std::optional<std::string>> FindFile(int dir, const std::string& path, size_t limit) {
  auto data = ReadFile(dir, path, limit);
  if (data) return std::optional<std::string>(std::move(data).value());
  if (data.error().code() == ErrorCode::kNotFound) return std::optional<std::string>();
  return std::move(data).error();
}

Result<void> WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = write(fd, data.data(), data.size());
    const int error = errno;
    if (put < 0 && error != EINTR) return ErrnoError(error, "write");
    if (put > 0) data.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<void> WriteKernelFile(int dir, const std::string& path, std::string_view data) {
  FH_ASSIGN_OR_RETURN(const Fd fd, OpenAt(dir, path, O_WRONLY));
  const ssize_t put = write(fd.get(), data.data(), data.size());
  const int error = errno;
  if (put != static_cast<ssize_t>(data.size())) return ErrnoError(put < 0 ? error : EIO, "write " + Quoted(data) + " to " + Quoted(path));
  return {};
}

namespace {

enum class Collision { kReplace, kRefuse };

Result<void> WriteThroughTemporary(int dir, const std::string& name, std::string_view data, mode_t mode, Durability durability,
                                   Collision collision) {
  // The thread's id keeps two writers apart; a leftover of a killed one with the same id is simply written over.
  const std::string temporary = fmt::format(".{}.{}.tmp", name, gettid());
  FH_ASSIGN_OR_RETURN(const Fd fd, OpenAt(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  Result<void> written = WriteAll(fd.get(), data);
  if (written && durability == Durability::kNow) written = Sync(fd.get());
  if (written) {
    const unsigned flags = collision == Collision::kRefuse ? RENAME_NOREPLACE : 0;
    if (renameat2(dir, temporary.c_str(), dir, name.c_str(), flags) != 0) {
      const int error = errno;
      written = ErrnoError(error, "rename to " + Quoted(name));
    }
  }
  if (!written) {
    (void)unlinkat(dir, temporary.c_str(), 0);  // nothing half-made stays; the first error is the one to tell
    return std::move(written).error().Within("write " + Quoted(name));
  }
  return durability == Durability::kNow ? Sync(dir) : Result<void>();
}

}  // namespace

Result<void> WriteFileAtomically(int dir, const std::string& name, std::string_view data, mode_t mode, Durability durability) {
  return WriteThroughTemporary(dir, name, data, mode, durability, Collision::kReplace);
}

Result<void> PublishFile(int dir, const std::string& name, std::string_view data, mode_t mode, Durability durability) {
  return WriteThroughTemporary(dir, name, data, mode, durability, Collision::kRefuse);
}

Result<void> AppendLine(int fd, std::string_view line) {
  std::string text(line);
  text += '\n';
  return WriteAll(fd, text);
}

Result<void> Sync(int fd) {
  if (fsync(fd) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "fsync");
}

void StartWriteback(int fd) { (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }

Result<void> MakeDir(int dir, const std::string& name, mode_t mode) {
  if (mkdirat(dir, name.c_str(), mode) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "make directory " + Quoted(name));
}

Result<void> MakeDirs(const std::string& path, mode_t mode) {
  for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const Result<void> made = MakeDir(kHere, path.substr(0, at), mode);
    if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
    if (at == std::string::npos) return {};
  }
}

bool HasNoRoom(const std::string& path, uint64_t bytes) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0) return false;
  return uint64_t{disk.f_bavail} * disk.f_frsize < bytes || (disk.f_files > 0 && disk.f_favail == 0);
}

std::string ProcFdPath(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

}  // namespace fumehood
