// FindCgroupPlace: which hierarchies can be used, v2's or v1's. It looks only; Create makes.
#include "src/hood/cgroup_place.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string_view>

#include "src/base/text.h"
#include "src/hood/cgroup_file.h"
#include "src/sys/file.h"
#include "src/sys/privilege.h"

namespace fumehood {
namespace {

std::string WhyNone(const CgroupPlace& place) {
  const auto memory = place.missing.find("memory");
  return memory == place.missing.end() ? "no cgroup hierarchy is mounted" : memory->second;
}

}  // namespace

CgroupCaller CurrentCgroupCaller() {
  return {UidOutside(), [](int root_dir, const std::string& path) {
            return faccessat(root_dir, path.c_str(), W_OK, AT_EACCESS) == 0;
          }};
}

bool CgroupView::Exists(const std::string& path) const { return faccessat(root_.get(), path.c_str() + 1, F_OK, 0) == 0; }

std::vector<std::string> CgroupView::Words(const std::string& directory, const char* file) const {
  return ReadWords(root_.get(), JoinPath(directory, file).c_str() + 1);
}

bool CgroupView::IsDelegated(const std::string& path) const {
  // systemd marks what it delegates by an attribute: since version 251 in a name that ordinary users can read.
  const std::string real = JoinPath(root_path_, path);
  char value = 0;
  return (getxattr(real.c_str(), "user.delegate", &value, 1) == 1 || getxattr(real.c_str(), "trusted.delegate", &value, 1) == 1) &&
         value == '1';
}

std::vector<std::string> OwnAndAncestors(const CgroupHierarchy& hierarchy) {
  std::vector<std::string> directories;
  if (!hierarchy.own) return directories;
  for (std::string own = *hierarchy.own;; own = ParentPath(own)) {
    directories.push_back(JoinPath(hierarchy.mount_point, own));
    if (own == "/") return directories;
  }
}

std::optional<std::string> PreferredIn(const CgroupHierarchy& hierarchy, const std::string& preferred_parent) {
  if (preferred_parent.empty()) return std::nullopt;
  if (PathBelow(preferred_parent, hierarchy.mount_point)) return JoinPath(preferred_parent, "");
  return JoinPath(hierarchy.mount_point, preferred_parent);
}

Result<CgroupPlace> FindCgroupPlaceFor(const CgroupCaller& caller, const std::string& preferred_parent, const std::string& root) {
  if (!preferred_parent.empty() && (preferred_parent[0] != '/' || HasWord(Split(preferred_parent, '/'), ".."))) {
    return Error(ErrorCode::kInvalidArgument,
                 "the configured cgroup parent " + Quoted(preferred_parent) + " is not an absolute path without '..'");
  }
  FH_ASSIGN_OR_RETURN(const Fd root_dir, OpenAt(kHere, root, O_PATH | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(const CgroupMounts mounts, ReadCgroupMounts(root_dir.get()));
  const CgroupView view(root_dir, root, caller);

  CgroupPlace place;
  if (mounts.v2) FindV2Place(view, *mounts.v2, preferred_parent, place);
  // A hybrid host has v2 without the controllers. Where v2 has some but not memory, v1 has it, if anything does.
  if (!HasWord(place.controllers, "memory") && mounts.FindV1("memory") != nullptr) {
    CgroupPlace v1;
    v1.v2_mount = place.v2_mount;
    FindV1Place(view, mounts, preferred_parent, v1);
    if (!v1.controllers.empty() || place.controllers.empty()) place = std::move(v1);
  }
  for (const char* controller : kLimitControllers) {
    if (!HasWord(place.controllers, controller) && place.missing.count(controller) == 0) {
      place.missing[controller] = "no mounted cgroup hierarchy has this controller: mount it, or boot a kernel that has it";
    }
  }
  if (place.controllers.empty()) {
    place.version = CgroupVersion::kNone;
    place.how = WhyNone(place);
  }
  return place;
}

Result<CgroupPlace> FindCgroupPlace(const std::string& preferred_parent, const std::string& root) {
  return FindCgroupPlaceFor(CurrentCgroupCaller(), preferred_parent, root);
}

}  // namespace fumehood
