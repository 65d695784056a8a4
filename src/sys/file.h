// Files and directories, by descriptor. Paths that a user wrote are opened beneath a directory, without links out of it.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

inline constexpr int kHere = -100;  // AT_FDCWD

// A path of ours (the state directory, /proc, a cgroup), opened close-on-exec. `flags` are open(2)'s.
Result<Fd> OpenAt(int dir, const std::string& path, int flags, mode_t mode = 0);
Result<Fd> OpenDir(int dir, const std::string& path);
// A path under somebody else's control: never leaves `dir`, follows no link at all and no magic link (openat2(2)).
// With O_PATH nothing of the file is touched: no FIFO blocks, no device wakes.
Result<Fd> OpenBeneath(int dir, const std::string& path, int flags, mode_t mode = 0);
// The same with links followed, as long as they stay beneath `dir`.
Result<Fd> OpenBeneathFollowing(int dir, const std::string& path, int flags, mode_t mode = 0);
// The same as a process sees it whose root `dir` is: `/` and `..` at the top are `dir` itself.
Result<Fd> OpenInRoot(int dir, const std::string& path, int flags, mode_t mode = 0);

Result<struct stat> StatFd(const Fd& fd);
Result<std::optional<struct stat>> FindStat(int dir, const std::string& path, bool follow_links);

// Whole contents, at most `limit` bytes (kResourceExhausted beyond). Suits files of /proc, whose size reads 0.
Result<std::string> ReadFd(int fd, size_t limit);
Result<std::string> ReadFile(int dir, const std::string& path, size_t limit = size_t{16} << 20);
Result<std::optional<std::string>> FindFile(int dir, const std::string& path, size_t limit = size_t{16} << 20);
Result<void> WriteAll(int fd, std::string_view data);
// One write(2) to a file that exists, as kernel files want it.
Result<void> WriteKernelFile(int dir, const std::string& path, std::string_view data);

enum class Durability { kNow, kLater };  // kNow: synced before it returns, also the directory entry
// Through a temporary name and a rename: readers see the old file or the whole new one.
Result<void> WriteFileAtomically(int dir, const std::string& name, std::string_view data, mode_t mode, Durability durability);
// As above, but fails with kAlreadyExists where the name is taken: the first writer wins.
Result<void> PublishFile(int dir, const std::string& name, std::string_view data, mode_t mode, Durability durability);
Result<void> AppendLine(int fd, std::string_view line);
Result<void> Sync(int fd);

Result<void> MakeDir(int dir, const std::string& name, mode_t mode);           // kAlreadyExists where it is
Result<void> MakeDirs(const std::string& path, mode_t mode);                   // and its missing parents
struct DirEntry {
  std::string name;
  unsigned char type = 0;  // DT_*
};
Result<std::vector<DirEntry>> ListDir(int dir);  // of an open directory; without . and ..

struct RemovedCounts {
  int64_t files = 0;
  int64_t directories = 0;
  int64_t bytes = 0;
};
// Removes what lies beneath an entry, and the entry, never following a link nor crossing into another mount.
Result<RemovedCounts> RemoveTree(int dir, const std::string& name);

// Has the kernel write what the file holds, without waiting, so that a later fsync of another file finds less to do.
void StartWriteback(int fd);

// Of the file system that holds the path. False also where it cannot be asked.
bool HasNoRoom(const std::string& path, uint64_t bytes);  // fewer than so many bytes are left to us, or no inode

std::string ProcFdPath(int fd);  // "/proc/self/fd/N"

}  // namespace fumehood
