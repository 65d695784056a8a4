// Where runs can have cgroups on v1 hierarchies, one directory in each, and on hybrid hosts the v2 directory to kill by.
#include "src/base/text.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_place.h"

namespace fumehood {
namespace {

// Where to make runs in one hierarchy, or why nowhere.
struct Spot {
  std::string parent;
  std::string missing;
};

Spot AskV1Parent(const CgroupView& view, const std::string& base, const std::string& parent) {
  if (view.Exists(parent) ? view.CanWrite(parent) : view.CanWrite(base)) return {parent, ""};
  return {"", Quoted(base) + " cannot be written by this user"};
}

// Root: below its own cgroup, so that the limits of an outer container go on holding. Others: what root gave them.
Spot FindSpot(const CgroupView& view, const CgroupHierarchy& hierarchy, const std::string& preferred_parent) {
  if (hierarchy.read_only) return {"", Quoted(hierarchy.mount_point) + " is mounted read-only: start the container with its cgroups writable"};
  if (const auto preferred = PreferredIn(hierarchy, preferred_parent)) {
    return AskV1Parent(view, *preferred, JoinPath(*preferred, kRunsDirectory));
  }
  const std::vector<std::string> directories = OwnAndAncestors(hierarchy);
  if (directories.empty()) {
    return {"", Quoted(hierarchy.mount_point) + " does not show this process' own cgroup: mount the hierarchy of this container"};
  }
  if (view.uid() == 0) return AskV1Parent(view, directories.front(), JoinPath(directories.front(), kRunsDirectory));
  for (const std::string& directory : directories) {
    const std::string subtree = JoinPath(directory, UserDirectory(view.uid()));
    if (view.CanWrite(subtree)) return {subtree, ""};
  }
  // A container that gave its own cgroup to the user who is its root.
  const std::string own_runs = JoinPath(directories.front(), kRunsDirectory);
  if (view.Exists(own_runs) ? view.CanWrite(own_runs) : view.CanWrite(directories.front())) return {own_runs, ""};
  return {"", "no cgroup in " + Quoted(hierarchy.mount_point) + " that this user may write: `sudo fumehood setup --user $USER`"};
}

// The v2 hierarchy of a hybrid host has no controllers, so processes may sit anywhere in it. Who clones into it needs
// cgroup.procs of the common ancestor: an ordinary user must be inside of their subtree already.
std::string FindKillParent(const CgroupView& view, const CgroupHierarchy& v2, const std::string& preferred_parent) {
  if (v2.read_only) return "";
  std::vector<std::string> directories = OwnAndAncestors(v2);
  if (const auto preferred = PreferredIn(v2, preferred_parent)) directories = {*preferred};
  for (const std::string& directory : directories) {
    const std::string runs = JoinPath(directory, kRunsDirectory);
    const bool writable = view.Exists(runs) ? view.CanWrite(runs) : view.CanWrite(directory);
    if (writable && view.CanWrite(JoinPath(directory, kProcs))) return runs;
  }
  return "";
}

}  // namespace

void FindV1Place(const CgroupView& view, const CgroupMounts& mounts, const std::string& preferred_parent, CgroupPlace& place) {
  if (mounts.v2) place.v2_kill_parent = FindKillParent(view, *mounts.v2, preferred_parent);
  std::vector<const char*> wanted = {"memory", "pids", "cpu", "blkio"};
  // The v2 half kills without a race and counts cpu time by itself: two hierarchies fewer to enter at each launch.
  if (place.v2_kill_parent.empty()) wanted.insert(wanted.end(), {"cpuacct", "freezer"});
  for (const char* controller : wanted) {
    const CgroupHierarchy* hierarchy = mounts.FindV1(controller);
    if (hierarchy == nullptr) continue;
    Spot spot = FindSpot(view, *hierarchy, preferred_parent);
    if (spot.missing.empty()) {
      place.v1_parents[controller] = std::move(spot.parent);
    } else {
      place.missing[controller] = std::move(spot.missing);
    }
  }
  for (const char* controller : kLimitControllers) {
    if (place.v1_parents.count(controller) != 0) place.controllers.emplace_back(controller);
  }
  // Of the others nobody asks why: they count, and limit nothing.
  std::erase_if(place.missing, [](const auto& entry) {
    return entry.first != "memory" && entry.first != "cpu" && entry.first != "pids";
  });
  if (place.controllers.empty()) {
    place.v1_parents.clear();
    place.v2_kill_parent.clear();
    return;
  }
  place.version = CgroupVersion::kV1;
  place.how = "v1 hierarchies";
}

}  // namespace fumehood
