// Listing and removing directories, for src/sys/file.h.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {

Result<std::vector<DirEntry>> ListDir(int dir) {
  // A descriptor of its own: the position of `dir` is the caller's.
  FH_ASSIGN_OR_RETURN(const Fd own, OpenDir(dir, "."));
  std::vector<DirEntry> entries;
  alignas(dirent64) char buffer[16384];
  for (;;) {
    const ssize_t got = getdents64(own.get(), buffer, sizeof buffer);
    const int error = errno;
    if (got < 0) return ErrnoError(error, "list directory");
    if (got == 0) return entries;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      entries.push_back({entry->d_name, entry->d_type});
    }
  }
}

namespace {

// One directory that is being emptied. The walk keeps its own stack: a hostile tree may be deeper than ours.
struct Level {
  Fd fd;
  std::string name;
  std::vector<DirEntry> left;
};

Result<void> RemoveEntry(int dir, const std::string& name, RemovedCounts& counts) {
  struct stat info {};
  if (fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) counts.bytes += info.st_blocks * 512;
  if (unlinkat(dir, name.c_str(), 0) == 0) {
    ++counts.files;
    return {};
  }
  const int error = errno;
  return error == ENOENT ? Result<void>() : ErrnoError(error, "remove " + Quoted(name));
}

Result<Level> Enter(int dir, const std::string& name, dev_t device) {
  // A run may leave directories without permission bits; their owner, or root, can still give them back.
  auto opened = OpenBeneath(dir, name, O_RDONLY | O_DIRECTORY);
  if (!opened && opened.error().code() == ErrorCode::kPermissionDenied &&
      fchmodat(dir, name.c_str(), 0700, 0) == 0) {
    opened = OpenBeneath(dir, name, O_RDONLY | O_DIRECTORY);
  }
  if (!opened) return std::move(opened).error();
  Level level{std::move(opened).value(), name, {}};
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(level.fd));
  if (info.st_dev != device) return Error(ErrorCode::kPermissionDenied, Quoted(name) + " is on another file system");
  if ((info.st_mode & 0700) != 0700) (void)fchmod(level.fd.get(), 0700);  // so that its entries can go; else unlink says why
  FH_ASSIGN_OR_RETURN(level.left, ListDir(level.fd.get()));
  return level;
}

// A descriptor a level: a tree that a run made deeper than that is flattened on the way, so that none is beyond removal.
constexpr size_t kOpenLevels = 64;

// `number` counts on from one call to the next, so that a million directories do not try each other's names.
Result<void> MoveUp(int dir, const std::string& name, Level& top, size_t& number) {
  (void)fchmodat(dir, name.c_str(), 0700, 0);  // a directory must be writable to get another parent; else rename says why
  for (;;) {
    const std::string moved = ".moved-up-" + std::to_string(number++);
    if (renameat2(dir, name.c_str(), top.fd.get(), moved.c_str(), RENAME_NOREPLACE) == 0) {
      top.left.push_back({moved, DT_DIR});
      return {};
    }
    const int error = errno;
    if (error != EEXIST) return ErrnoError(error, "move " + Quoted(name) + " to remove it");
  }
}

}  // namespace

Result<RemovedCounts> RemoveTree(int dir, const std::string& name) {
  RemovedCounts counts;
  FH_ASSIGN_OR_RETURN(const auto top, FindStat(dir, name, false));
  if (!top) return counts;
  if (!S_ISDIR(top->st_mode)) {
    FH_TRY(RemoveEntry(dir, name, counts));
    return counts;
  }
  std::vector<Level> stack;
  size_t moved_up = 0;
  FH_ASSIGN_OR_RETURN(Level first, Enter(dir, name, top->st_dev));
  stack.push_back(std::move(first));
  while (!stack.empty()) {
    Level& level = stack.back();
    if (level.left.empty()) {
      const int parent = stack.size() > 1 ? stack[stack.size() - 2].fd.get() : dir;
      if (unlinkat(parent, level.name.c_str(), AT_REMOVEDIR) != 0) {
        const int error = errno;
        return ErrnoError(error, "remove directory " + Quoted(level.name));
      }
      ++counts.directories;
      stack.pop_back();
      continue;
    }
    const DirEntry entry = level.left.back();
    level.left.pop_back();
    if (entry.type == DT_DIR) {
      if (stack.size() >= kOpenLevels) {
        FH_TRY(MoveUp(level.fd.get(), entry.name, stack.front(), moved_up));
        continue;
      }
      FH_ASSIGN_OR_RETURN(Level next, Enter(level.fd.get(), entry.name, top->st_dev));
      stack.push_back(std::move(next));  // invalidates `level`
      continue;
    }
    const Result<void> removed = RemoveEntry(level.fd.get(), entry.name, counts);
    if (removed) continue;
    if (removed.error().errno_value() != EISDIR) return removed.error();
    FH_ASSIGN_OR_RETURN(Level next, Enter(level.fd.get(), entry.name, top->st_dev));  // a file system without d_type
    stack.push_back(std::move(next));
  }
  return counts;
}

}  // namespace fumehood
