#include "src/keeper/box.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Result<void> FurnishBox(const BoxOrder& order, const RunDir& run, const AttemptDir& attempt, int64_t host_uid) {
  FH_TRY(FurnishAttempt(run, attempt));
  // Search permission for the run's uid, which comes in through a mount; from outside the state directory's 0700 stands before.
  if (order.by_root && fchmod(attempt.fd.get(), 0711) != 0) return ErrnoError(errno, "chmod the attempt directory");
  if (fchmodat(attempt.fd.get(), layout::kRunTmp, 01777, 0) != 0) return ErrnoError(errno, "chmod tmp");
  for (const char* name : {layout::kWork, layout::kOverlay, layout::kTmp, layout::kRunTmp, layout::kRunHome}) {
    FH_TRY(GiveDir(order.by_root, attempt, name, host_uid));
  }
  return {};
}

// Root takes the trees on behalf of the run's uid, which might not be allowed to.
Result<void> OpenTrees(const HoodPlan& plan, Box& box) {
  for (const HoodStep& step : plan.steps) {
    if (step.op != Op::kOpenTree) continue;
    int id_map = -1;
    if ((step.flags & kTreeIdMap) != 0) {
      FH_ASSIGN_OR_RETURN(id_map, IdMapFor(step.number, box));
    }
    const int error = OpenTreeStep(step, id_map, &box.slots);
    if (error != 0) return ErrnoError(error, Describe(step));
  }
  return {};
}

Result<void> MakeCgroup(BoxOrder& order, Box& box) {
  if (order.cgroup.version == CgroupVersion::kNone) return {};
  if (!order.scope_path.empty()) {
    FH_ASSIGN_OR_RETURN(order.cgroup, EnterScope(order.cgroup, order.scope_path));
  }
  FH_ASSIGN_OR_RETURN(box.cgroup, RunCgroup::Create(order.cgroup, order.token));
  return {};
}

Result<void> WriteMaps(const BoxOrder& order, const Box& box) {
  if ((order.plan.namespaces & kNsUser) == 0) return {};
  const IdMap uid{order.plan.uid_inside, box.host_uid};
  const IdMap gid{order.plan.gid_inside, order.by_root ? box.host_uid : static_cast<int64_t>(getegid())};
  return WriteIdMaps(box.process.pid, uid, gid, order.by_root);
}

Result<void> Clone(BoxOrder& order, Box& box) {
  FH_ASSIGN_OR_RETURN(SocketPair line, MakeSocketPair());
  FH_ASSIGN_OR_RETURN(PipePair report, MakePipe());
  FH_ASSIGN_OR_RETURN(PipePair keepalive, MakePipe());
  FH_ASSIGN_OR_RETURN(PipePair output, MakePipe());
  FH_ASSIGN_OR_RETURN(PipePair error_output, MakePipe());
  const ChildFds fds{line.theirs.get(),    line.ours.get(),   report.write.get(),
                     keepalive.read.get(), output.write.get(), error_output.write.get()};
  box.task = std::make_unique<ChildTask>(order.plan, fds, &box.slots, order.by_root, order.by_root);
  const int into = box.cgroup ? box.cgroup->clone_fd() : -1;
  static const std::vector<Fd> kNothingToJoin;
  const std::vector<Fd>& join = box.cgroup ? box.cgroup->join_fds() : kNothingToJoin;
  const uint32_t by_child = order.plan.namespaces & kNsNet;
  uint32_t cloned = order.plan.namespaces & ~by_child;
  FH_ASSIGN_OR_RETURN(box.process, SpawnRun(*box.task, &cloned, into, join));
  order.plan.namespaces = cloned | by_child;
  box.line = std::move(line.ours);
  box.report = std::move(report.read);
  box.keepalive = std::move(keepalive.write);
  box.output = std::move(output.read);
  box.error_output = std::move(error_output.read);
  FH_TRY(WriteMaps(order, box));
  return WriteAll(box.line.get(), "g");
}

// What a run has done for it when it starts is done ahead: its hood shows these directories.
Result<void> FurnishWarm(const BoxOrder& order, const AttemptDir& attempt, Box& box) {
  KeeperOrder disk;
  disk.run_id = order.token;
  disk.own_dirs = order.warm.own_dirs;
  disk.disk_method = order.warm.disk_method;
  disk.limits.disk_limit_mb = order.warm.disk_limit_mb;
  disk.limits.inode_limit = order.warm.inode_limit;
  FH_TRY(MakeOwnDirs(order.by_root, order.warm.own_dirs, attempt, box.host_uid));
  FH_ASSIGN_OR_RETURN(box.quota, LimitDisk(disk, attempt.fd.get()));
  return {};
}

Result<void> Make(BoxOrder& order, const RunDir& run, const AttemptDir& attempt, Box& box) {
  FH_TRY(FurnishBox(order, run, attempt, box.host_uid));
  if (IsWarm(order)) FH_TRY(FurnishWarm(order, attempt, box));
  FH_TRY(MakeCgroup(order, box));
  if (IsWarm(order) && box.cgroup) FH_TRY(box.cgroup->SetLimits(order.warm.parked));
  if (order.by_root) FH_TRY(OpenTrees(order.plan, box));
  FH_TRY(Clone(order, box));
  for (const int64_t owner : order.owners) FH_TRY(IdMapFor(owner, box));  // while the first process builds
  return {};
}

}  // namespace

Result<void> LeaseIds(const BoxOrder& order, Box& box) {
  box.host_uid = static_cast<int64_t>(geteuid());
  if (!order.by_root) return {};
  FH_ASSIGN_OR_RETURN(box.lease, LeaseUid(order.state_dir, order.uid_range_first, order.uid_range_count));
  box.host_uid = box.lease.uid;
  return {};
}

Result<void> MakeBox(BoxOrder& order, const RunDir& run, const AttemptDir& attempt, Box& box) {
  Result<void> made = Make(order, run, attempt, box);
  for (int& fd : box.slots.fds) Fd(std::exchange(fd, -1)).Reset();  // the child has its own copies
  if (!made) TakeDown(box);
  return made;
}

Result<int> IdMapFor(int64_t owner, Box& box) {
  Fd& map = box.id_maps[owner];
  if (!map.valid()) {
    const IdMap uid{owner & 0xFFFFFFFF, box.host_uid};
    const IdMap gid{owner >> 32, box.host_uid};
    FH_ASSIGN_OR_RETURN(map, MakeIdMapNamespace(uid, gid));
  }
  return map.get();
}

void TakeDown(Box& box) {
  if (box.process.pid > 0) {
    (void)PidfdSignal(box.process.pidfd, SIGKILL);  // unreaped: it is there
    Reap(std::exchange(box.process.pid, -1));
  }
  if (box.cgroup) {
    (void)box.cgroup->KillAll();  // the first error is the one that is told
    (void)box.cgroup->Remove();
    box.cgroup.reset();
  }
}

Result<void> GiveDir(bool by_root, const AttemptDir& attempt, const std::string& name, int64_t host_uid) {
  if (!by_root) return {};
  const auto id = static_cast<uid_t>(host_uid);
  // What lies here was made by this process just now, in a directory that nobody else can enter.
  if (fchownat(attempt.fd.get(), name.c_str(), id, id, AT_SYMLINK_NOFOLLOW) != 0) {
    const int error = errno;
    return ErrnoError(error, "give " + Quoted(name) + " to the run's uid");
  }
  return {};
}

Result<void> MakeOwnDirs(bool by_root, const std::vector<std::string>& names, const AttemptDir& attempt, int64_t host_uid) {
  for (const std::string& name : names) {
    FH_TRY(MakeDir(attempt.fd.get(), name, 0700));
    FH_TRY(GiveDir(by_root, attempt, name, host_uid));
  }
  return {};
}

KeeperHandle HandleOf(const BoxOrder& order, const ProcessIdentity& keeper, int64_t host_uid) {
  KeeperHandle handle;
  handle.process = keeper;
  handle.attempt = order.attempt;
  handle.hood_uid = host_uid;
  constexpr const char* kVersions[] = {"none", "v1", "v2"};
  handle.cgroup_version = kVersions[static_cast<size_t>(order.cgroup.version)];
  handle.cgroup_name = order.token;
  handle.cgroup_v2_parent = order.cgroup.v2_parent;
  handle.cgroup_v2_kill_parent = order.cgroup.v2_kill_parent;
  handle.cgroup_v1_parents = order.cgroup.v1_parents;
  return handle;
}

}  // namespace fumehood
