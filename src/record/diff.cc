#include "src/record/diff.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <optional>

#include "src/base/text.h"
#include "src/record/link_target.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

// What the project has at a path. A symbolic link or a file on the way to it means: nothing, as the run replaced that.
Result<std::optional<struct stat>> FindInProject(int project_dir, const std::string& path) {
  const auto fd = OpenBeneath(project_dir, path, O_PATH | O_NOFOLLOW);
  if (fd) {
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*fd));
    return std::optional(info);
  }
  const int error = fd.error().errno_value();
  if (error == ENOENT || error == ENOTDIR || error == ELOOP) return std::optional<struct stat>();
  return fd.error();
}

Result<bool> SameContent(int a, int b) {
  std::array<char, 65536> left;
  std::array<char, 65536> right;
  for (int64_t at = 0;;) {
    FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(a, left.data(), left.size(), at));
    FH_ASSIGN_OR_RETURN(const size_t other, ReadAt(b, right.data(), right.size(), at));
    if (std::string_view(left.data(), got) != std::string_view(right.data(), other)) return false;
    if (got < left.size()) return true;
    at += static_cast<int64_t>(got);
  }
}

bool ChangedAfter(const struct stat& info, WallTime started) {
  return ChangeTimeNs(info) / 1000 > started.time_since_epoch().count();  // both in microseconds
}

// Whether anything beneath a directory of the project was changed after a time.
class ChangedBeneath : public TreeVisitor {
 public:
  explicit ChangedBeneath(WallTime started) : started_(started) {}
  Result<void> Entry(int, const std::string&, const struct stat& info) override { return Look(info); }
  Result<bool> Directory(int, const std::string&, const struct stat& info) override {
    FH_TRY(Look(info));
    return true;
  }
  Result<void> Entered(int, const struct stat&) override { return {}; }
  void Left() override {}
  void Problem(const std::string&, const Error&) override { changed = true; }  // what cannot be seen may have changed

  bool changed = false;

 private:
  Result<void> Look(const struct stat& info) {
    changed = changed || ChangedAfter(info, started_);
    return {};
  }
  WallTime started_;
};

class Differ : public UpperVisitor {
 public:
  Differ(int upper_dir, int project_dir, WallTime started)
      : upper_dir_(upper_dir), project_dir_(project_dir), started_(started) {}

  Result<void> Entry(const UpperEntry& entry, int dir, const std::string& name) override {
    const auto before = FindInProject(project_dir_, entry.path);
    if (!before) {
      Problem(entry.path, before.error().message());
      return {};
    }
    Change change{entry.path, ChangeKind::kAdded, entry.kind};
    change.size_bytes = entry.size_bytes;
    change.mode = entry.mode;
    if (entry.kind == EntryKind::kSymlink) {
      FH_ASSIGN_OR_RETURN(change.link_target, ReadLink(dir, name));
    }
    if (*before) Describe(**before, entry.path, change);
    if (Classify(entry, *before, change)) difference.changes.push_back(std::move(change));
    if (entry.opaque && *before && S_ISDIR((*before)->st_mode)) AddHidden(entry.path);
    return {};
  }

  void Problem(const std::string& path, const std::string& why) override { difference.problems.emplace_back(path, why); }

  Difference difference;

 private:
  void Describe(const struct stat& before, const std::string& path, Change& change) const {
    change.before = KindOf(before);
    change.mode_before = before.st_mode & 07777U;
    change.changed_meanwhile = ChangedAfter(before, started_);
    change.ctime_before_ns = ChangeTimeNs(before);
    const bool goes = S_ISDIR(before.st_mode) && change.now != EntryKind::kDirectory;
    if (goes && !change.changed_meanwhile) change.changed_meanwhile = IsChangedBeneath(path);
  }

  bool IsChangedBeneath(const std::string& path) const {
    const auto dir = OpenBeneath(project_dir_, path, O_RDONLY | O_DIRECTORY);
    if (!dir) return true;
    ChangedBeneath visitor(started_);
    return !WalkTree(dir->get(), WalkOrder::kAny, visitor) || visitor.changed;
  }

  // False: there is nothing to tell.
  bool Classify(const UpperEntry& entry, const std::optional<struct stat>& before, Change& change) {
    if (entry.kind == EntryKind::kWhiteout) {
      change.kind = ChangeKind::kDeleted;
      return before.has_value();
    }
    if (!before) return true;
    if (change.before != entry.kind) {
      change.kind = ChangeKind::kTypeChanged;
      return true;
    }
    change.kind = ChangeKind::kModeChanged;
    const bool same_mode = change.mode == change.mode_before;
    switch (entry.kind) {
      case EntryKind::kDirectory: return !same_mode;
      case EntryKind::kSymlink: change.kind = ChangeKind::kModified; return !SameLink(entry, change);
      case EntryKind::kFile: break;
      default: change.kind = ChangeKind::kModified; return true;
    }
    if (!SameFile(entry, *before)) change.kind = ChangeKind::kModified;
    if (change.kind == ChangeKind::kModeChanged && same_mode) ++difference.identical;
    return change.kind == ChangeKind::kModified || !same_mode;
  }

  bool SameLink(const UpperEntry& entry, const Change& change) const {
    const auto link = OpenBeneath(project_dir_, entry.path, O_PATH | O_NOFOLLOW);
    if (!link) return false;
    const auto target = ReadLink(link->get(), "");
    return target && *target == change.link_target;
  }

  bool SameFile(const UpperEntry& entry, const struct stat& before) {
    if (before.st_size != entry.size_bytes) return false;
    const auto ours = OpenRegularFile(upper_dir_, entry.path);
    const auto theirs = OpenRegularFile(project_dir_, entry.path);
    if (!ours || !theirs) {
      Problem(entry.path, (ours ? theirs : ours).error().message());
      return false;
    }
    const auto same = SameContent(ours->get(), theirs->get());
    return same && *same;
  }

  // An opaque directory hides what the project has in it: all that the run did not make anew is deleted.
  void AddHidden(const std::string& path) {
    const auto theirs = OpenBeneath(project_dir_, path, O_RDONLY | O_DIRECTORY);
    const auto ours = OpenBeneath(upper_dir_, path, O_RDONLY | O_DIRECTORY);
    auto entries = theirs ? ListDir(theirs->get()) : Result<std::vector<DirEntry>>(theirs.error());
    if (!ours || !entries) {
      Problem(path, "what the run deleted in it cannot be listed");
      return;
    }
    for (const DirEntry& entry : *entries) {
      const auto kept = FindStat(ours->get(), entry.name, false);
      if (!kept || kept->has_value()) continue;
      Change change{path + "/" + entry.name, ChangeKind::kDeleted, EntryKind::kWhiteout};
      const auto before = FindInProject(project_dir_, change.path);
      if (!before || !before->has_value()) continue;
      Describe(**before, change.path, change);
      difference.changes.push_back(std::move(change));
    }
  }

  int upper_dir_;
  int project_dir_;
  WallTime started_;
};

}  // namespace

int64_t ChangeTimeNs(const struct stat& info) { return info.st_ctim.tv_sec * 1000000000 + info.st_ctim.tv_nsec; }

char Letter(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded: return 'A';
    case ChangeKind::kModified: return 'M';
    case ChangeKind::kDeleted: return 'D';
    case ChangeKind::kTypeChanged: return 'T';
    case ChangeKind::kModeChanged: return 'P';
  }
  return '?';
}

Result<Difference> DiffAgainstProject(int upper_dir, int project_dir, WallTime started) {
  Differ differ(upper_dir, project_dir, started);
  Result<void> walked = WalkUpper(upper_dir, differ);
  if (!walked) return std::move(walked).error().Within("compare with the project");
  return std::move(differ.difference);
}

}  // namespace fumehood
