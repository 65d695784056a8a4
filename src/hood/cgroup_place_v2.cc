// Where runs can have cgroups on v2: below the nearest ancestor that can hand controllers on, or in a scope from systemd.
#include <string>

#include "src/base/text.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_place.h"

namespace fumehood {
namespace {

// What one directory could offer as the parent of `fumehood`.
struct Offer {
  std::vector<std::string> controllers;
  std::map<std::string, std::string> missing;
};

Offer Nothing(const std::string& why) {
  Offer offer;
  for (const char* controller : kLimitControllers) offer.missing[controller] = why;
  return offer;
}

// Only `domain` cgroups can have domain children; the file is absent in the root cgroup of the machine.
bool IsMachineRoot(const std::vector<std::string>& type) { return type.empty(); }

std::string WhyNotHandedOn(const std::string& base, bool holds_processes) {
  if (!holds_processes) return Quoted(base) + " does not hand this controller on, and this user may not change that";
  return Quoted(base) + " holds processes, and only a cgroup without any can hand controllers on: move them into a child of it (mkdir " +
         JoinPath(base, "init") + ", then write each process id to its cgroup.procs) before Fumehood starts";
}

Offer AskDirectory(const CgroupView& view, const std::string& base) {
  const std::string runs = JoinPath(base, kRunsDirectory);
  if (!view.CanWrite(base)) return Nothing(Quoted(base) + " cannot be written by this user");
  if (view.Exists(runs) && !view.CanWrite(runs)) return Nothing(Quoted(runs) + " is somebody else's: remove it, or name another parent");
  // Delegation rule of the kernel: who moves or clones a process needs cgroup.procs of the nearest common ancestor.
  if (!view.CanWrite(JoinPath(base, kProcs))) return Nothing(Quoted(JoinPath(base, kProcs)) + " cannot be written by this user");
  const std::vector<std::string> type = view.Words(base, kCgroupType);
  if (!IsMachineRoot(type) && type != std::vector<std::string>{"domain"}) return Nothing(Quoted(base) + " is a threaded cgroup");

  const std::vector<std::string> there = view.Words(base, kControllersFile);
  const std::vector<std::string> handed_on = view.Words(base, kSubtreeControl);
  const bool holds_processes = !IsMachineRoot(type) && !view.Words(base, kProcs).empty();
  const bool can_change = !holds_processes && view.CanWrite(JoinPath(base, kSubtreeControl));
  Offer offer;
  for (const char* controller : kLimitControllers) {
    if (!HasWord(there, controller)) {
      offer.missing[controller] = Quoted(JoinPath(base, kControllersFile)) + " does not list it: the kernel or an outer container keeps it";
    } else if (HasWord(handed_on, controller) || can_change) {
      offer.controllers.emplace_back(controller);
    } else {
      offer.missing[controller] = WhyNotHandedOn(base, holds_processes);
    }
  }
  return offer;
}

// On a systemd host every cgroup has one writer: systemd, but for what it delegates. A user's own manager is systemd too.
bool IsOursToWrite(const CgroupView& view, const CgroupHierarchy& v2, std::string directory) {
  for (;; directory = ParentPath(directory)) {
    if (view.IsDelegated(directory)) return directory.substr(directory.rfind('/') + 1).rfind("user@", 0) != 0;
    if (directory == v2.mount_point || directory == "/") return false;
  }
}

void AskForScope(const CgroupView& view, const CgroupHierarchy& v2, CgroupPlace& place) {
  const std::string uid = std::to_string(view.uid());
  const std::string slice = view.uid() == 0 ? "/" : "/user.slice/user-" + uid + ".slice/user@" + uid + ".service";
  const std::string manager = JoinPath(v2.mount_point, slice);
  const std::string runtime = "/run/user/" + uid;
  const bool reachable = view.uid() == 0 || view.Exists(runtime + "/bus") || view.Exists(runtime + "/systemd/private");
  const std::vector<std::string> there = view.Words(manager, kControllersFile);
  for (const char* controller : kLimitControllers) {
    if (!reachable) {
      place.missing[controller] = "this user's systemd manager does not run: log in on the machine itself, or `sudo loginctl enable-linger " +
                                  uid + "`";
    } else if (HasWord(there, controller)) {
      place.controllers.emplace_back(controller);
    } else {
      place.missing[controller] = Quoted(JoinPath(manager, kControllersFile)) +
                                  " does not list it: `sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\n"
                                  "Delegate=cpu io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && "
                                  "sudo systemctl daemon-reload`, then log in again";
    }
  }
  if (place.controllers.empty()) return;
  place.version = CgroupVersion::kV2;
  place.how = "systemd scope";
  place.needs_scope = true;
}

// An ordinary user outside of the subtree that root made for them gets the command that moves them in.
std::string UserAdvice(const CgroupView& view, const CgroupHierarchy& v2) {
  for (const std::string& directory : OwnAndAncestors(v2)) {
    const std::string subtree = JoinPath(directory, UserDirectory(view.uid()));
    if (view.Exists(subtree)) {
      return "this shell is not inside " + Quoted(subtree) + ", which was made for this user: `echo $$ | sudo tee " +
             JoinPath(subtree, "session/cgroup.procs") + "`";
    }
  }
  return "no cgroup that this user may write: `sudo fumehood setup --user $USER`";
}

void Take(Offer offer, const std::string& base, uid_t uid, CgroupPlace& place) {
  place.missing = std::move(offer.missing);
  place.controllers = std::move(offer.controllers);
  if (place.controllers.empty()) return;
  place.version = CgroupVersion::kV2;
  place.how = uid == 0 ? "direct" : "delegated";
  place.v2_parent = JoinPath(base, kRunsDirectory);
}

}  // namespace

void FindV2Place(const CgroupView& view, const CgroupHierarchy& v2, const std::string& preferred_parent, CgroupPlace& place) {
  place.v2_mount = v2.mount_point;
  if (v2.read_only) {
    Take(Nothing(Quoted(v2.mount_point) + " is mounted read-only: start the container with its cgroups writable"), "", view.uid(), place);
    return;
  }
  if (const auto preferred = PreferredIn(v2, preferred_parent)) {
    Take(AskDirectory(view, *preferred), *preferred, view.uid(), place);
    return;
  }
  const bool has_systemd = view.Exists("/run/systemd/system");
  Offer best = Nothing(Quoted(v2.mount_point) + " does not show this process' own cgroup: mount the cgroup namespace's own hierarchy");
  std::string best_base;
  bool asked = false;
  for (const std::string& base : OwnAndAncestors(v2)) {
    if (has_systemd && !IsOursToWrite(view, v2, base)) continue;
    Offer offer = AskDirectory(view, base);
    if (!asked || offer.controllers.size() > best.controllers.size()) {
      best = std::move(offer);
      best_base = base;
      asked = true;
    }
    if (best.missing.empty()) break;
  }
  if (best.controllers.empty() && has_systemd && !view.Words(v2.mount_point, kControllersFile).empty()) {
    AskForScope(view, v2, place);
    return;
  }
  if (best.controllers.empty() && view.uid() != 0) best = Nothing(UserAdvice(view, v2));
  Take(std::move(best), best_base, view.uid(), place);
}

}  // namespace fumehood
