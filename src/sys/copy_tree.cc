#include "src/sys/copy_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

struct Level {
  Fd from;
  Fd to;
  std::vector<DirEntry> left;
  struct stat info {};
};

// What a copy keeps of its original. Failing to keep an owner or a time is no failure of the copy.
void Finish(int fd, const struct stat& info) {
  if (geteuid() == 0) (void)!fchown(fd, info.st_uid, info.st_gid);
  (void)fchmod(fd, info.st_mode & 0777);
  const struct timespec times[2] = {info.st_atim, info.st_mtim};
  (void)futimens(fd, times);
}

Result<void> CopyData(int from, int to, const std::string& name) {
  for (;;) {
    constexpr size_t kStep = size_t{64} << 20;
    const ssize_t copied = copy_file_range(from, nullptr, to, nullptr, kStep, 0);
    const int error = errno;
    if (copied == 0) return {};
    if (copied > 0 || error == EINTR) continue;
    if (error != EXDEV && error != EINVAL && error != EOPNOTSUPP && error != ENOSYS) return ErrnoError(error, "copy " + Quoted(name));
    break;  // two file systems that do not copy between each other
  }
  std::vector<char> buffer(size_t{1} << 20);
  for (;;) {
    const ssize_t got = read(from, buffer.data(), buffer.size());
    const int error = errno;
    if (got == 0) return {};
    if (got < 0 && error != EINTR) return ErrnoError(error, "read " + Quoted(name));
    if (got > 0) FH_TRY(WriteAll(to, std::string_view(buffer.data(), static_cast<size_t>(got))));
  }
}

Result<void> CopyFile(int from_dir, const std::string& from, int to_dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(const Fd source, OpenAt(from_dir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(source));
  if (!S_ISREG(info.st_mode)) return {};  // it was swapped for something else since it was listed
  FH_ASSIGN_OR_RETURN(const Fd target, OpenAt(to_dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
  FH_TRY(CopyData(source.get(), target.get(), name));
  Finish(target.get(), info);
  return {};
}

Result<void> CopyLink(int from_dir, const std::string& from, int to_dir, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(from_dir, from.c_str(), target, sizeof target - 1);
  if (length < 0) return ErrnoError(errno, "read link " + Quoted(from));
  target[length] = 0;
  if (symlinkat(target, to_dir, name.c_str()) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "make link " + Quoted(name));
}

Result<Level> Enter(int from_dir, const std::string& from, int to_dir, const std::string& name) {
  Level level;
  FH_ASSIGN_OR_RETURN(level.from, OpenAt(from_dir, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  FH_ASSIGN_OR_RETURN(level.info, StatFd(level.from));
  FH_TRY(MakeDir(to_dir, name, 0700));
  FH_ASSIGN_OR_RETURN(level.to, OpenAt(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  FH_ASSIGN_OR_RETURN(level.left, ListDir(level.from.get()));
  return level;
}

// A directory is entered by its caller; everything else is copied here.
Result<mode_t> TypeOf(int dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(dir, name, false));
  return info ? info->st_mode & S_IFMT : 0;
}

Result<void> CopyLeaf(mode_t type, int from_dir, const std::string& from, int to_dir, const std::string& name) {
  if (type == S_IFREG) return CopyFile(from_dir, from, to_dir, name);
  if (type == S_IFLNK) return CopyLink(from_dir, from, to_dir, name);
  return {};
}

}  // namespace

Result<void> CopyTree(int from_dir, const std::string& from, int to_dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(const mode_t type, TypeOf(from_dir, from));
  if (type != S_IFDIR) return CopyLeaf(type, from_dir, from, to_dir, name);
  std::vector<Level> stack;
  FH_ASSIGN_OR_RETURN(Level top, Enter(from_dir, from, to_dir, name));
  stack.push_back(std::move(top));
  while (!stack.empty()) {
    Level& level = stack.back();
    if (level.left.empty()) {
      Finish(level.to.get(), level.info);
      stack.pop_back();
      continue;
    }
    const std::string entry = level.left.back().name;
    level.left.pop_back();
    FH_ASSIGN_OR_RETURN(const mode_t kind, TypeOf(level.from.get(), entry));
    if (kind == S_IFDIR) {
      FH_ASSIGN_OR_RETURN(Level next, Enter(level.from.get(), entry, level.to.get(), entry));
      stack.push_back(std::move(next));  // invalidates `level`
    } else {
      FH_TRY(CopyLeaf(kind, level.from.get(), entry, level.to.get(), entry));
    }
  }
  return {};
}

}  // namespace fumehood
