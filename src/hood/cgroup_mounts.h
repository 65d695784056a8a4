// Which cgroup hierarchies this process sees, and where in each of them it sits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct CgroupHierarchy {
  std::vector<std::string> controllers;  // v1, whole words; a named hierarchy has "name=..."; empty on v2
  std::string mount_point;
  std::optional<std::string> own;        // this process' cgroup below the mount point: "/", "/a/b"; empty when not visible there
  bool read_only = false;
};

struct CgroupMounts {
  std::optional<CgroupHierarchy> v2;
  std::vector<CgroupHierarchy> v1;
  const CgroupHierarchy* FindV1(std::string_view controller) const;  // nullptr where no hierarchy has it
};

// From the texts of /proc/self/mountinfo and /proc/self/cgroup. Lines that make no sense are passed over.
CgroupMounts ParseCgroupMounts(std::string_view mountinfo, std::string_view own_cgroups);
Result<CgroupMounts> ReadCgroupMounts(int root_dir);  // of the tree with proc/ in it

// "/a/b" below "/a" is "/b", by whole components; empty when it does not lie there.
std::optional<std::string> PathBelow(std::string_view path, std::string_view ancestor);
std::string JoinPath(std::string_view directory, std::string_view below);  // one slash between, none at the end
std::string ParentPath(std::string_view path);                             // "/a/b" -> "/a", "/a" -> "/"
bool HasWord(const std::vector<std::string>& words, std::string_view word);

}  // namespace fumehood
