#include "src/record/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <numeric>
#include <string_view>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// Far below the customary limit of 1024 descriptors a process.
constexpr size_t kOpenLevels = 64;

// The names in a directory, packed: a run may make a million of them.
class NameList {
 public:
  void Add(const char* name) {
    starts_.push_back(text_.size());
    text_.append(name, std::strlen(name) + 1);
  }
  void SortDescending() {
    std::sort(starts_.begin(), starts_.end(), [this](size_t a, size_t b) { return At(a) > At(b); });
  }
  bool empty() const { return starts_.empty(); }
  std::string TakeLast() {
    std::string name(At(starts_.back()));
    starts_.pop_back();
    return name;
  }

 private:
  std::string_view At(size_t start) const { return text_.c_str() + start; }

  std::string text_;
  std::vector<size_t> starts_;
};

Result<NameList> ReadNames(int dir, WalkOrder order) {
  // A descriptor of its own: the position of `dir` is the caller's.
  FH_ASSIGN_OR_RETURN(Fd own, OpenDir(dir, "."));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own.get()), closedir);
  if (stream == nullptr) {
    const int error = errno;
    return ErrnoError(error, "list directory");
  }
  (void)own.Release();  // the stream owns it now
  NameList names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    const int error = errno;
    if (entry == nullptr && error != 0) return ErrnoError(error, "list directory");
    if (entry == nullptr) break;
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.Add(entry->d_name);
  }
  if (order == WalkOrder::kByName) names.SortDescending();
  return names;
}

struct Level {
  Fd fd;  // not valid while the walk is more than kOpenLevels deeper
  dev_t device = 0;
  ino_t inode = 0;
  NameList names;
};

class Walk {
 public:
  Walk(WalkOrder order, TreeVisitor& visitor) : order_(order), visitor_(visitor) {}

  Result<void> Run(int top) {
    FH_ASSIGN_OR_RETURN(Fd fd, OpenDir(top, "."));
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(fd));
    FH_TRY(visitor_.Entered(fd.get(), info));
    FH_TRY(Push(std::move(fd), info));
    while (!levels_.empty()) {
      if (levels_.back().names.empty()) {
        FH_TRY(Pop());
      } else {
        FH_TRY(VisitNext());
      }
    }
    return {};
  }

 private:
  Result<void> Push(Fd fd, const struct stat& info) {
    FH_ASSIGN_OR_RETURN(NameList names, ReadNames(fd.get(), order_));
    if (levels_.size() > kOpenLevels) levels_[levels_.size() - kOpenLevels].fd.Reset();
    levels_.push_back({std::move(fd), info.st_dev, info.st_ino, std::move(names)});
    return {};
  }

  Result<void> VisitNext() {
    const int dir = levels_.back().fd.get();
    const std::string name = levels_.back().names.TakeLast();
    auto info = FindStat(dir, name, false);
    if (!info) {
      visitor_.Problem(name, info.error());
      return {};
    }
    if (!info->has_value()) {
      visitor_.Problem(name, Error(ErrorCode::kNotFound, Quoted(name) + " vanished during the walk"));
      return {};
    }
    if (!S_ISDIR((*info)->st_mode)) return visitor_.Entry(dir, name, **info);
    FH_ASSIGN_OR_RETURN(const bool enter, visitor_.Directory(dir, name, **info));
    return enter ? Enter(dir, name, **info) : Result<void>();
  }

  Result<void> Enter(int dir, const std::string& name, const struct stat& seen) {
    auto fd = OpenBeneath(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd) {
      visitor_.Problem(name, fd.error());
      return {};
    }
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*fd));
    if (info.st_dev != levels_.front().device || info.st_ino != seen.st_ino) {
      visitor_.Problem(name, Error(ErrorCode::kPermissionDenied, Quoted(name) + " was exchanged during the walk"));
      return {};
    }
    FH_TRY(visitor_.Entered(fd->get(), info));
    auto pushed = Push(std::move(*fd), info);
    if (!pushed) {
      visitor_.Left();
      visitor_.Problem(name, pushed.error());
    }
    return {};
  }

  // Back to the directory above, whose descriptor may have been closed on the way down. `..` of a directory that was moved
  // meanwhile is somebody else's: only the very directory that we came from is walked on.
  Result<void> Pop() {
    visitor_.Left();
    const Level done = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty() || levels_.back().fd.valid()) return {};
    auto above = OpenAt(done.fd.get(), "..", O_RDONLY | O_DIRECTORY);
    if (above) {
      const auto info = StatFd(*above);
      if (info && info->st_dev == levels_.back().device && info->st_ino == levels_.back().inode) {
        levels_.back().fd = std::move(*above);
        return {};
      }
    }
    visitor_.Problem("..", Error(ErrorCode::kUnavailable, "a directory was moved during the walk; what follows it was not seen"));
    AbandonClosedLevels();
    return {};
  }

  // Without a way back up, all levels below the top are given up: Push never closes that one.
  void AbandonClosedLevels() {
    while (!levels_.empty() && !levels_.back().fd.valid()) {
      visitor_.Left();
      levels_.pop_back();
    }
  }

  WalkOrder order_;
  TreeVisitor& visitor_;  // the caller's
  std::vector<Level> levels_;
};

}  // namespace

Result<void> WalkTree(int top, WalkOrder order, TreeVisitor& visitor) { return Walk(order, visitor).Run(top); }

}  // namespace fumehood
