#include "src/hood/cgroup_mounts.h"

#include <algorithm>

#include "src/base/text.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

struct OwnCgroup {
  std::vector<std::string> controllers;  // empty: v2
  std::string path;
};

// A line "4:cpu,cpuacct:/a/b"; the path may hold colons itself (proc(5), cgroups(7)).
std::optional<OwnCgroup> ParseOwnCgroup(const std::string& line) {
  const size_t first = line.find(':');
  if (first == std::string::npos) return std::nullopt;
  const size_t second = line.find(':', first + 1);
  if (second == std::string::npos) return std::nullopt;
  OwnCgroup own;
  const std::string list = line.substr(first + 1, second - first - 1);
  if (!list.empty()) own.controllers = Split(list, ',');
  own.path = line.substr(second + 1);
  return own;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline and backslash of a path as \ooo.
std::string Unescape(const std::string& field) {
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    const bool escape = field[i] == '\\' && i + 3 < field.size() && IsOctal(field[i + 1]) && IsOctal(field[i + 2]) &&
                        IsOctal(field[i + 3]);
    if (!escape) {
      text += field[i];
      continue;
    }
    text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
    i += 3;
  }
  return text;
}

struct CgroupMount {
  bool v2 = false;
  std::string root;  // which directory of the hierarchy is mounted
  std::string mount_point;
  bool read_only = false;
  std::vector<std::string> options;  // of the file system: v1 names its controllers here
};

// "31 23 0:28 ROOT MOUNTPOINT rw,nosuid shared:1 - cgroup SOURCE rw,memory": any number of tags before the dash.
std::optional<CgroupMount> ParseMount(const std::string& line) {
  const std::vector<std::string> fields = Split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
  const std::string& type = *(dash + 1);
  if (type != "cgroup" && type != "cgroup2") return std::nullopt;
  CgroupMount mount;
  mount.v2 = type == "cgroup2";
  mount.root = Unescape(fields[3]);
  mount.mount_point = Unescape(fields[4]);
  mount.options = Split(*(dash + 3), ',');
  mount.read_only = HasWord(Split(fields[5], ','), "ro") || HasWord(mount.options, "ro");
  return mount;
}

// A path out of the cgroup namespace reads "/../x" in either file: nothing that we could reach.
bool LeavesNamespace(const std::string& path) { return HasWord(Split(path, '/'), ".."); }

CgroupHierarchy PlaceIn(const CgroupMount& mount, const OwnCgroup& own) {
  CgroupHierarchy hierarchy{own.controllers, mount.mount_point, std::nullopt, mount.read_only};
  if (!LeavesNamespace(mount.root) && !LeavesNamespace(own.path)) hierarchy.own = PathBelow(own.path, mount.root);
  return hierarchy;
}

bool IsMountOf(const CgroupMount& mount, const OwnCgroup& own) {
  if (mount.v2 || own.controllers.empty()) return mount.v2 && own.controllers.empty();
  return std::all_of(own.controllers.begin(), own.controllers.end(),
                     [&](const std::string& controller) { return HasWord(mount.options, controller); });
}

// Containers see some hierarchies twice: the mount on which our own cgroup can be made use of is the one to know.
bool Serves(const CgroupHierarchy& hierarchy) { return hierarchy.own.has_value() && !hierarchy.read_only; }

}  // namespace

CgroupMounts ParseCgroupMounts(std::string_view mountinfo, std::string_view own_cgroups) {
  std::vector<CgroupMount> mounts;
  for (const std::string& line : Split(mountinfo, '\n')) {
    if (auto mount = ParseMount(line)) mounts.push_back(std::move(*mount));
  }
  CgroupMounts found;
  for (const std::string& line : Split(own_cgroups, '\n')) {
    const auto own = ParseOwnCgroup(line);
    if (!own) continue;
    std::optional<CgroupHierarchy> best;
    for (const CgroupMount& mount : mounts) {
      if (!IsMountOf(mount, *own)) continue;
      CgroupHierarchy candidate = PlaceIn(mount, *own);
      if (!best || (!Serves(*best) && Serves(candidate))) best = std::move(candidate);
    }
    if (!best) continue;
    if (own->controllers.empty()) {
      found.v2 = std::move(best);
    } else {
      found.v1.push_back(std::move(*best));
    }
  }
  return found;
}

Result<CgroupMounts> ReadCgroupMounts(int root_dir) {
  FH_ASSIGN_OR_RETURN(const std::string mountinfo, ReadFile(root_dir, "proc/self/mountinfo"));
  // A kernel without cgroups has no such file: that is no place, not an error.
  FH_ASSIGN_OR_RETURN(const auto own, FindFile(root_dir, "proc/self/cgroup"));
  return ParseCgroupMounts(mountinfo, own.value_or(""));
}

const CgroupHierarchy* CgroupMounts::FindV1(std::string_view controller) const {
  for (const CgroupHierarchy& hierarchy : v1) {
    if (HasWord(hierarchy.controllers, controller)) return &hierarchy;
  }
  return nullptr;
}

std::optional<std::string> PathBelow(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return std::string(path);
  if (path == ancestor) return "/";
  if (path.size() > ancestor.size() && path.substr(0, ancestor.size()) == ancestor && path[ancestor.size()] == '/') {
    return std::string(path.substr(ancestor.size()));
  }
  return std::nullopt;
}

std::string JoinPath(std::string_view directory, std::string_view below) {
  while (!directory.empty() && directory.back() == '/') directory.remove_suffix(1);
  while (!below.empty() && below.front() == '/') below.remove_prefix(1);
  while (!below.empty() && below.back() == '/') below.remove_suffix(1);
  std::string path(directory);
  if (!below.empty() || path.empty()) path += '/';
  return path.append(below);
}

std::string ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

bool HasWord(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace fumehood
