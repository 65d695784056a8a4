#include "src/record/upper_walk.h"

#include <fcntl.h>

#include <climits>
#include <vector>

#include "src/base/text.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

// An overlay keeps its marks under `user.` when it is mounted in a user namespace, under `trusted.` when root mounts it.
Result<std::string> FindOverlayMark(int fd, const std::string& name) {
  for (const char* space : {"user.overlay.", "trusted.overlay."}) {
    FH_ASSIGN_OR_RETURN(auto value, FindXattr(fd, space + name));
    if (value) return std::move(*value);
  }
  return std::string();
}

class UpperWalk : public TreeVisitor {
 public:
  explicit UpperWalk(UpperVisitor& visitor) : visitor_(visitor) {}

  Result<void> Entry(int dir, const std::string& name, const struct stat& info) override {
    UpperEntry entry = Describe(name, info);
    if (entry.kind == EntryKind::kFile && entry.size_bytes == 0 && may_have_xattr_whiteouts_.back() && HasWhiteoutMark(dir, name)) {
      entry.kind = EntryKind::kWhiteout;
    }
    return visitor_.Entry(entry, dir, name);
  }

  Result<bool> Directory(int dir, const std::string& name, const struct stat& info) override {
    pending_ = Describe(name, info);
    // Deeper down nobody could name the files: open(2) takes no longer path.
    if (pending_.path.size() >= PATH_MAX - NAME_MAX - 1) {
      visitor_.Problem(pending_.path, "lies too deep; what is in it was not looked at");
      return false;
    }
    holder_ = dir;
    pending_name_ = name;
    return true;
  }

  Result<void> Entered(int dir, const struct stat&) override {
    const auto opaque = FindOverlayMark(dir, "opaque");
    const auto redirect = FindOverlayMark(dir, "redirect");
    may_have_xattr_whiteouts_.push_back(opaque && *opaque == "x");
    lengths_.push_back(path_.size());
    if (lengths_.size() == 1) return {};  // the top
    path_ = pending_.path;
    if (!opaque || !redirect) visitor_.Problem(path_, "its overlay marks cannot be read");
    if (redirect && !redirect->empty()) visitor_.Problem(path_, "was moved by the overlay, and what it had is not shown");
    pending_.opaque = opaque && *opaque == "y";
    return visitor_.Entry(pending_, holder_, pending_name_);
  }

  void Left() override {
    path_.resize(lengths_.back());
    lengths_.pop_back();
    may_have_xattr_whiteouts_.pop_back();
  }

  void Problem(const std::string& name, const Error& error) override {
    visitor_.Problem(name == ".." ? path_ : PathOf(name), error.message());
  }

 private:
  std::string PathOf(const std::string& name) const { return path_.empty() ? name : path_ + "/" + name; }

  UpperEntry Describe(const std::string& name, const struct stat& info) const {
    UpperEntry entry;
    entry.path = PathOf(name);
    entry.kind = KindOf(info);
    entry.size_bytes = info.st_size;
    entry.mode = info.st_mode & 07777U;
    entry.mtime_ns = info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    entry.hardlinks = static_cast<int64_t>(info.st_nlink);
    entry.device = info.st_dev;
    entry.inode = info.st_ino;
    return entry;
  }

  // Newer kernels can mark a deleted entry by an attribute of an empty file, in a directory that says so.
  static bool HasWhiteoutMark(int dir, const std::string& name) {
    const auto file = OpenRegularFile(dir, name);
    if (!file) return false;
    for (const char* mark : {"user.overlay.whiteout", "trusted.overlay.whiteout"}) {
      const auto value = FindXattr(file->get(), mark);
      if (value && value->has_value()) return true;
    }
    return false;
  }

  UpperVisitor& visitor_;  // the caller's
  std::string path_;       // of the directory that the walk is in
  std::vector<size_t> lengths_;
  std::vector<bool> may_have_xattr_whiteouts_;
  UpperEntry pending_;     // the directory that is about to be entered
  int holder_ = -1;
  std::string pending_name_;
};

}  // namespace

const char* Name(EntryKind kind) {
  switch (kind) {
    case EntryKind::kFile: return "file";
    case EntryKind::kDirectory: return "directory";
    case EntryKind::kSymlink: return "symbolic link";
    case EntryKind::kSpecial: return "special file";
    case EntryKind::kWhiteout: return "deleted";
  }
  return "";
}

Result<void> WalkUpper(int upper_dir, UpperVisitor& visitor) {
  UpperWalk walk(visitor);
  return WalkTree(upper_dir, WalkOrder::kByName, walk);
}

EntryKind KindOf(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return EntryKind::kFile;
  if (S_ISDIR(info.st_mode)) return EntryKind::kDirectory;
  if (S_ISLNK(info.st_mode)) return EntryKind::kSymlink;
  return S_ISCHR(info.st_mode) && info.st_rdev == 0 ? EntryKind::kWhiteout : EntryKind::kSpecial;
}

Result<Fd> OpenRegularFile(int dir, const std::string& path) {
  FH_ASSIGN_OR_RETURN(const Fd name, OpenBeneath(dir, path, O_PATH | O_NOFOLLOW));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(name));
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kPermissionDenied, Quoted(path) + " is not a regular file but a " + Name(KindOf(info)));
  }
  // Through the descriptor: the very file that was looked at, whatever bears its name by now.
  auto file = OpenAt(kHere, ProcFdPath(name.get()), O_RDONLY | O_NOCTTY);
  if (!file) return Error(file.error().code(), "open " + Quoted(path) + ": no permission to read it", file.error().errno_value());
  return file;
}

}  // namespace fumehood
