#include "src/health/host_probes.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "src/hood/child.h"
#include "src/hood/landlock.h"
#include "src/hood/seccomp_filter.h"
#include "src/hood/spawn_run.h"
#include "src/sys/errno_error.h"
#include "src/sys/in_child.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

std::string WhyNot(const Result<int>& answer) {
  if (!answer) return answer.error().message();
  return *answer == 0 ? "" : ErrnoText(*answer);
}

int ErrnoOf(const Error& error) { return error.errno_value() != 0 ? error.errno_value() : EIO; }

// In a child: a process in these namespaces, with its ids mapped. It waits for a go that never comes, and is killed.
int CloneInto(uint32_t namespaces, bool privileged) {
  auto line = MakeSocketPair();
  auto report = MakePipe();
  if (!line || !report) return EMFILE;
  HoodPlan plan;
  plan.namespaces = namespaces;
  TreeSlots slots;
  const ChildFds fds{line->theirs.get(), line->ours.get(), report->write.get(), report->read.get(), 1, 2};
  const ChildTask task(plan, fds, &slots, true, privileged);
  const auto run = SpawnRun(task, &plan.namespaces, -1, {});
  if (!run) return ErrnoOf(run.error());
  const IdMap uid{plan.uid_inside, geteuid()};
  const IdMap gid{plan.gid_inside, getegid()};
  const Result<void> mapped = (namespaces & kNsUser) != 0 ? WriteIdMaps(run->pid, uid, gid, privileged) : Result<void>();
  (void)PidfdSignal(run->pidfd, SIGKILL);  // our unreaped child: it is there
  (void)PidfdWait(run->pidfd, -1);
  if (plan.namespaces != namespaces) return EINVAL;  // time, which is left out where the kernel has none
  return mapped ? 0 : ErrnoOf(mapped.error());
}

}  // namespace

Result<std::vector<std::string>> TryCgroups(const CgroupPlace& place) {
  if (place.version == CgroupVersion::kNone) return std::vector<std::string>();
  if (place.needs_scope) return place.controllers;
  const auto has = [&](const char* name) {
    for (const std::string& controller : place.controllers) {
      if (controller == name) return true;
    }
    return false;
  };
  CgroupLimits limits;
  if (has("memory")) limits.memory_bytes = int64_t{64} << 20;
  if (has("cpu")) limits.cpu_quota = 0.5;
  if (has("pids")) limits.pids_max = 16;
  FH_ASSIGN_OR_RETURN(RunCgroup cgroup, RunCgroup::Create(place, fmt::format("doctor-{}", getpid()), limits));
  std::vector<std::string> limited = cgroup.limited();
  FH_TRY(cgroup.Remove());
  return limited;
}

std::map<std::string, std::string> TryNamespaces(bool privileged) {
  std::map<std::string, std::string> answers;
  for (size_t i = 0; i < kNamespaceNames.size(); ++i) {
    const uint32_t flag = 1U << i;
    if (flag == kNsCgroup) continue;  // made by the run itself once it is inside: the trial run shows it
    // An ordinary user gets the others only together with a user namespace.
    const uint32_t namespaces = privileged ? flag : flag | kNsUser;
    answers[kNamespaceNames[i]] = WhyNot(InChild([=] { return CloneInto(namespaces, privileged); }));
  }
  return answers;
}

std::string TrySeccomp() { return WhyNot(InChild(LoadSeccompFilter)); }

std::string TryLandlock() {
  if (LandlockAbi() < kLowestLandlockAbi) return "this kernel has none, or was booted without it";
  return WhyNot(InChild([] { return ApplyLandlockLines("/tmp"); }));
}

std::string TryIdMapping() {
  constexpr int64_t kSomebody = 65534;
  const auto made = MakeIdMapNamespace({0, kSomebody}, {0, kSomebody});
  return made ? "" : made.error().message();
}

}  // namespace fumehood
