// How FindCgroupPlace looks around, with what it knows about the caller made explicit, so that tests can be anybody.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/hood/cgroup.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/fd.h"

namespace fumehood {

struct CgroupCaller {
  uid_t uid = 0;  // as seen from outside of a user namespace that the caller is root of
  // Whether this user may write a file, or make entries in a directory, of the tree; false where it is not there.
  std::function<bool(int root_dir, const std::string& path)> can_write;
};
CgroupCaller CurrentCgroupCaller();

// The tree that is looked at: paths are absolute in it, whatever directory it really lies in.
class CgroupView {
 public:
  CgroupView(const Fd& root, std::string root_path, const CgroupCaller& caller)
      : root_(root), root_path_(std::move(root_path)), caller_(caller) {}

  uid_t uid() const { return caller_.uid; }
  bool CanWrite(const std::string& path) const { return caller_.can_write(root_.get(), path.substr(1)); }
  bool Exists(const std::string& path) const;
  // None where the file is not there.
  std::vector<std::string> Words(const std::string& directory, const char* file) const;
  // Whether systemd says that it leaves what is below this cgroup to whoever runs there.
  bool IsDelegated(const std::string& path) const;

 private:
  const Fd& root_;  // outlives the view
  std::string root_path_;
  const CgroupCaller& caller_;  // outlives the view
};

Result<CgroupPlace> FindCgroupPlaceFor(const CgroupCaller& caller, const std::string& preferred_parent, const std::string& root);

// The halves of it. Each adds to `place` what it finds, or to `place.missing` why not.
void FindV2Place(const CgroupView& view, const CgroupHierarchy& v2, const std::string& preferred_parent, CgroupPlace& place);
void FindV1Place(const CgroupView& view, const CgroupMounts& mounts, const std::string& preferred_parent, CgroupPlace& place);

inline constexpr const char* kLimitControllers[] = {"memory", "cpu", "pids"};

// `own` and its ancestors, as absolute directories, nearest first, down to the mount point.
std::vector<std::string> OwnAndAncestors(const CgroupHierarchy& hierarchy);
// Where in `hierarchy` the configuration wants runs; empty when it says nothing.
std::optional<std::string> PreferredIn(const CgroupHierarchy& hierarchy, const std::string& preferred_parent);

}  // namespace fumehood
