#include "src/hood/cgroup_setup.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "src/base/text.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_mounts.h"
#include "src/hood/cgroup_place.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr char kSession[] = "session";  // v2: where the user's shells go

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Above what systemd made of the hierarchy: a subtree inside of one login's scope would go with that login, and be out of the
// next one's sight. Above an earlier set-up too, when called from a shell inside of it.
std::string AboveLogins(const std::string& own, uid_t uid) {
  std::string above = "/";
  for (const std::string& part : Split(own, '/')) {
    if (part.empty()) continue;
    if (EndsWith(part, ".slice") || EndsWith(part, ".scope") || EndsWith(part, ".service") || part == UserDirectory(uid)) break;
    above = JoinPath(above, part);
  }
  return above;
}

Result<void> RequireRoot() {
  if (geteuid() == 0) return {};
  return Error(ErrorCode::kPermissionDenied, "giving cgroups to a user needs root: run it with sudo");
}

Result<void> Give(int dir, const std::string& directory, const char* file, uid_t uid, gid_t gid) {
  if (fchownat(dir, file, uid, gid, AT_SYMLINK_NOFOLLOW) == 0) return {};
  const int error = errno;
  return ErrnoError(error, "give " + Quoted(JoinPath(directory, file)) + " to user " + std::to_string(uid));
}

// Makes the directory where it is not there; gives it and `files` in it.
Result<Fd> MakeGiven(const std::string& path, const std::vector<const char*>& files, CgroupVersion version, uid_t uid, gid_t gid) {
  const Result<void> made = MakeDir(kHere, path, 0755);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  FH_ASSIGN_OR_RETURN(Fd dir, OpenDir(kHere, path));
  FH_TRY(RequireCgroupFs(dir.get(), version, path));
  for (const char* file : files) FH_TRY(Give(dir.get(), path, file, uid, gid));
  FH_TRY(Give(dir.get(), path, ".", uid, gid));
  return dir;
}

std::string Gave(const std::string& path, uid_t uid) { return "gave " + Quoted(path) + " to user " + std::to_string(uid); }

struct Subtree {
  CgroupVersion version;
  std::string path;
  bool holds_limits = true;  // false: a hybrid host's v2, which has no controllers
};

// v2: where root's own runs would have their parent, since there controllers can be handed on.
Result<std::vector<Subtree>> SubtreesOf(uid_t uid) {
  FH_ASSIGN_OR_RETURN(const Fd root, OpenAt(kHere, "/", O_PATH | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(const CgroupMounts mounts, ReadCgroupMounts(root.get()));
  FH_ASSIGN_OR_RETURN(const CgroupPlace place, FindCgroupPlace(""));
  std::vector<Subtree> subtrees;
  std::set<std::string> seen;  // co-mounted controllers share one
  for (const char* controller : {"memory", "pids", "cpu", "cpuacct", "freezer", "blkio"}) {
    const CgroupHierarchy* hierarchy = mounts.FindV1(controller);
    if (hierarchy == nullptr || !hierarchy->own || hierarchy->read_only) continue;
    const std::string path = JoinPath(JoinPath(hierarchy->mount_point, AboveLogins(*hierarchy->own, uid)), UserDirectory(uid));
    if (seen.insert(path).second) subtrees.push_back({CgroupVersion::kV1, path});
  }
  if (!place.v2_parent.empty()) {
    subtrees.push_back({CgroupVersion::kV2, JoinPath(AboveLogins(ParentPath(place.v2_parent), uid), UserDirectory(uid))});
  } else if (!place.v2_kill_parent.empty() && mounts.v2 && mounts.v2->own) {
    const std::string base = JoinPath(mounts.v2->mount_point, AboveLogins(*mounts.v2->own, uid));
    subtrees.push_back({CgroupVersion::kV2, JoinPath(base, UserDirectory(uid)), false});
  }
  if (subtrees.empty() && place.needs_scope) return subtrees;
  if (subtrees.empty()) return Error(ErrorCode::kUnsupported, "no cgroup to give away: " + place.how);
  return subtrees;
}

Result<void> SetUpV2(const Subtree& subtree, uid_t uid, gid_t gid, std::vector<std::string>& done) {
  const std::string& path = subtree.path;
  const std::string base = ParentPath(path);
  FH_ASSIGN_OR_RETURN(const Fd base_dir, OpenDir(kHere, base));
  FH_TRY(HandOnControllers({base_dir.get(), base}));
  FH_ASSIGN_OR_RETURN(const Fd dir,
                      MakeGiven(path, {kProcs, "cgroup.threads", kSubtreeControl}, CgroupVersion::kV2, uid, gid));
  FH_TRY(HandOnControllers({dir.get(), path}));
  const std::string session = JoinPath(path, kSession);
  FH_TRY(MakeGiven(session, {kProcs, "cgroup.threads"}, CgroupVersion::kV2, uid, gid));
  done.push_back(Gave(path, uid));
  const std::string move = "`echo $$ | sudo tee " + JoinPath(session, kProcs) + "`";
  done.push_back(subtree.holds_limits ? "each shell that is to start runs must be moved inside once: " + move
                              : "runs can be started from any shell; those of a shell that was moved inside are ended by cgroup.kill "
                                "instead of the freezer: " + move);
  return {};
}

// Empties and removes a cgroup and those below it. Only shells in `session` are moved: a run is not ours to break.
Result<void> RemoveSubtree(const std::string& path, const std::string& base) {
  auto dir = OpenDir(kHere, path);
  if (!dir && dir.error().code() == ErrorCode::kNotFound) return {};
  if (!dir) return std::move(dir).error();
  FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(dir->get()));
  for (const DirEntry& entry : entries) {
    if (entry.type == DT_DIR) FH_TRY(RemoveSubtree(JoinPath(path, entry.name), base));
  }
  FH_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ReadPids(dir->get(), path));
  if (path.substr(path.rfind('/') + 1) == kSession) {
    for (const pid_t pid : pids) {
      (void)WriteKernelFile(kHere, JoinPath(base, kProcs), std::to_string(pid));  // rmdir says when one is still there
    }
  }
  if (rmdir(path.c_str()) == 0) return {};
  const int error = errno;
  return Error(CodeOfErrno(error),
               "remove cgroup " + Quoted(path) + ": " + ErrnoText(error) +
                   (error == EBUSY ? ": processes are still inside: end the user's runs (`fumehood kill`) or shells first" : ""),
               error);
}

}  // namespace

Result<std::vector<std::string>> SetupForUser(uid_t uid, gid_t gid) {
  FH_TRY(RequireRoot());
  FH_ASSIGN_OR_RETURN(const std::vector<Subtree> subtrees, SubtreesOf(uid));
  std::vector<std::string> done;
  if (subtrees.empty()) done.emplace_back("nothing to do: systemd hands cgroups to this host's users by itself");
  for (const Subtree& subtree : subtrees) {
    if (subtree.version == CgroupVersion::kV2) {
      FH_TRY(SetUpV2(subtree, uid, gid, done));
      continue;
    }
    FH_TRY(MakeGiven(subtree.path, {kProcs, kTasks}, CgroupVersion::kV1, uid, gid));
    done.push_back(Gave(subtree.path, uid));
  }
  return done;
}

Result<std::vector<std::string>> UndoSetupForUser(uid_t uid) {
  FH_TRY(RequireRoot());
  FH_ASSIGN_OR_RETURN(const std::vector<Subtree> subtrees, SubtreesOf(uid));
  std::vector<std::string> done;
  for (const Subtree& subtree : subtrees) {
    FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, subtree.path, false));
    if (!there) continue;
    FH_TRY(RemoveSubtree(subtree.path, ParentPath(subtree.path)));
    done.push_back("removed " + Quoted(subtree.path));
  }
  return done;
}

}  // namespace fumehood
