#include "src/hood/tree_layout.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// The hood's own at the top of every run: an image's would show another machine's devices, users' homes or left-over state.
constexpr std::array kOwn = {"dev", "etc", "fumehood", "home", "lost+found", "proc", "root", "run", "sys", "tmp", "var"};
constexpr std::array kOwnOfVar = {"lock", "run", "tmp"};
// Each directory takes one of the slots of a plan (kMaxSlots), which has some for what the run itself is shown.
constexpr size_t kMaxEntries = 64;

template <size_t kSize>
bool IsOneOf(const std::array<const char*, kSize>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const char* own) { return name == own; });
}

Result<SystemEntry> EntryFor(int dir, const std::string& source_dir, const std::string& inside, const std::string& name,
                             const struct stat& info) {
  SystemEntry entry{.path = inside + "/" + name};
  if (S_ISLNK(info.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(dir, name.c_str(), target, sizeof target);
    const int error = errno;
    if (length <= 0) return ErrnoError(error, "read the link " + Quoted(entry.path));
    entry.link_target.assign(target, static_cast<size_t>(length));
    return entry;
  }
  entry.source = source_dir + "/" + name;
  entry.same_file = fmt::format("{} {}", info.st_dev, info.st_ino);
  FH_ASSIGN_OR_RETURN(const Fd opened, OpenBeneath(dir, name, O_RDONLY | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(const auto inside_it, ListDir(opened.get()));
  entry.empty = inside_it.empty();
  return entry;
}

template <size_t kSize>
Result<void> Collect(int dir, const std::string& source_dir, const std::string& inside, const std::array<const char*, kSize>& own,
                     HostLayout& layout) {
  FH_ASSIGN_OR_RETURN(auto entries, ListDir(dir));
  // In an order of its own: a spare box serves a run whose box is ordered in the same words.
  std::sort(entries.begin(), entries.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  for (const DirEntry& entry : entries) {
    // Hidden names are an image's bookkeeping, and the hood's own stage has one.
    if (entry.name.starts_with('.') || IsOneOf(own, entry.name)) continue;
    FH_ASSIGN_OR_RETURN(const auto info, FindStat(dir, entry.name, false));
    if (!info || !(S_ISDIR(info->st_mode) || S_ISLNK(info->st_mode))) continue;
    if (layout.system.size() == kMaxEntries) {
      return Error(ErrorCode::kUnsupported, fmt::format("it has more than {} directories at its top, which is no root file system", kMaxEntries));
    }
    FH_ASSIGN_OR_RETURN(SystemEntry made, EntryFor(dir, source_dir, inside, entry.name, *info));
    layout.system.push_back(std::move(made));
  }
  return {};
}

bool IsBeneath(const std::string& path, const std::string& directory) {
  return path == directory || (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace

Result<HostLayout> FindTreeLayout(const std::string& tree) {
  HostLayout layout;
  const auto collect = [&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(const Fd top, OpenDir(kHere, tree));
    FH_TRY(Collect(top.get(), tree, "", kOwn, layout));
    const auto var = OpenBeneath(top.get(), "var", O_RDONLY | O_DIRECTORY);
    if (!var) return {};  // none, or a link: then the hood's own
    return Collect(var->get(), tree + "/var", "/var", kOwnOfVar, layout);
  };
  Result<void> collected = collect();
  if (!collected) return std::move(collected).error().Within("root file system " + Quoted(tree));
  if (layout.system.empty()) {
    return Error(ErrorCode::kNotFound, fmt::format("root file system {}: there are no directories such as usr or bin in it", Quoted(tree)));
  }
  return layout;
}

std::string WhyNotShownAt(const std::string& tree, const HostLayout& layout, const std::string& target, bool is_directory) {
  const auto covering = std::find_if(layout.system.begin(), layout.system.end(), [&](const SystemEntry& entry) {
    return !entry.empty && IsBeneath(target, entry.path);
  });
  if (covering == layout.system.end()) return "";
  const auto top = OpenDir(kHere, tree);
  if (top) {
    const auto there = OpenInRoot(top->get(), target, O_PATH | O_NOFOLLOW);
    const auto info = there ? StatFd(*there) : Result<struct stat>(there.error());
    if (info && (is_directory ? S_ISDIR(info->st_mode) : S_ISREG(info->st_mode))) return "";
  }
  return fmt::format("{} lies in {}, which is the runtime's own and has no such {}; a runtime is never changed, so show it at another "
                     "place, such as /data", Quoted(target), covering->path, is_directory ? "directory" : "file");
}

bool HasExecutable(const std::string& tree, const std::string& path) {
  const auto top = OpenDir(kHere, tree);
  const auto file = top ? OpenInRoot(top->get(), path, O_PATH) : Result<Fd>(top.error());
  const auto info = file ? StatFd(*file) : Result<struct stat>(file.error());
  return info && S_ISREG(info->st_mode) && (info->st_mode & 0111) != 0;
}

}  // namespace fumehood
