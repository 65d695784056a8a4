#include "src/keeper/run_stage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "src/base/text.h"
#include "src/hood/plan_wire.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/message.h"

namespace fumehood {
namespace {

// Staged copies are ours to give away; what lies elsewhere is shown under other ids instead.
Result<void> GiveTree(int dir, const std::string& name, uid_t id) {
  if (fchownat(dir, name.c_str(), id, id, AT_SYMLINK_NOFOLLOW) != 0) {
    const int error = errno;
    return ErrnoError(error, "give " + Quoted(name) + " to the run's uid");
  }
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(dir, name, false));
  if (!info || !S_ISDIR(info->st_mode)) return {};
  FH_ASSIGN_OR_RETURN(const Fd inner, OpenBeneath(dir, name, O_RDONLY | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(inner.get()));
  for (const DirEntry& entry : entries) FH_TRY(GiveTree(inner.get(), entry.name, id));
  return {};
}

Result<void> GiveOwnTrees(const KeeperOrder& order, const AttemptDir& attempt, int64_t host_uid) {
  for (const std::string& path : order.own_trees) {
    const size_t slash = path.rfind('/');
    FH_ASSIGN_OR_RETURN(const Fd parent, OpenBeneath(attempt.fd.get(), path.substr(0, slash), O_RDONLY | O_DIRECTORY));
    FH_TRY(GiveTree(parent.get(), path.substr(slash + 1), static_cast<uid_t>(host_uid)));
  }
  return {};
}

// Root takes the trees on behalf of the run's uid, which might not be allowed to.
Result<void> OpenTrees(const KeeperOrder& order, Box& box, std::vector<int>& fds) {
  for (const HoodStep& step : order.plan.steps) {
    if (step.op != Op::kOpenTree) continue;
    int idmap_fd = -1;
    if ((step.flags & kTreeIdMap) != 0) {
      FH_ASSIGN_OR_RETURN(idmap_fd, IdMapFor(step.number, box));
    }
    const int error = OpenTreeStep(step, idmap_fd, &box.slots);
    if (error != 0) return ErrnoError(error, Describe(step));
    fds.push_back(box.slots.fds[step.slot]);
  }
  return {};
}

Result<void> SendPlan(const KeeperOrder& order, const Fd& stdin_fd, Box& box) {
  std::vector<int> fds = {stdin_fd.get()};
  Result<void> sent = order.box.by_root ? OpenTrees(order, box, fds) : Result<void>();
  if (sent) {
    sent = SendMessage(box.line, EncodePlan(order.plan), fds);
    // A first process that has gone says itself why.
    if (!sent && sent.error().errno_value() == EPIPE) sent = {};
  }
  for (int& fd : box.slots.fds) Fd(std::exchange(fd, -1)).Reset();  // the child has its own copies
  return sent;
}

}  // namespace

Result<void> StartRun(const KeeperOrder& order, const AttemptDir& attempt, const Fd& stdin_fd, Box& box) {
  if (!IsWarm(order.box)) {
    FH_TRY(MakeOwnDirs(order.box.by_root, order.own_dirs, attempt, box.host_uid));
    FH_ASSIGN_OR_RETURN(box.quota, LimitDisk(order, attempt.fd.get()));
  }
  if (order.box.by_root) FH_TRY(GiveOwnTrees(order, attempt, box.host_uid));
  if (IsWarm(order.box) && box.cgroup) {
    FH_ASSIGN_OR_RETURN(box.before, box.cgroup->Read());
  }
  if (box.cgroup) FH_TRY(box.cgroup->SetLimits(order.cgroup_limits));
  return SendPlan(order, stdin_fd, box);
}

}  // namespace fumehood
