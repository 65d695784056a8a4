#include "src/hood/spawn_run.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr uint64_t kCloneNewTime = 0x80;  // shares its bit with clone(2)'s signal number, so only clone3 takes it

uint64_t CloneFlags(uint32_t namespaces) {
  // The cgroup namespace is made by the child, which is in its cgroup by then.
  constexpr uint64_t kFlags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNET, 0, kCloneNewTime};
  uint64_t flags = 0;
  for (size_t i = 0; i < std::size(kFlags); ++i) {
    if ((namespaces >> i & 1) != 0) flags |= kFlags[i];
  }
  return flags;
}

// Returns as fork does: 0 in the child. On failure -1 and errno.
pid_t Clone3(uint64_t flags, int clone_into, int exit_signal, int* pidfd) {
  struct clone_args args {};
  args.flags = flags;
  args.exit_signal = static_cast<uint64_t>(exit_signal);
  if (pidfd != nullptr) {
    args.flags |= CLONE_PIDFD;
    args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  }
  if (clone_into >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(clone_into);
  }
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

pid_t CloneWithoutWhatIsOptional(const ChildTask& task, uint32_t* namespaces, int clone_into, uint64_t extra, int exit_signal,
                                 int* pidfd) {
  pid_t pid = Clone3(CloneFlags(*namespaces) | extra, clone_into, exit_signal, pidfd);
  if (pid < 0 && errno == EINVAL && (*namespaces & kNsTime) != 0) {
    *namespaces &= ~static_cast<uint32_t>(kNsTime);
    pid = Clone3(CloneFlags(*namespaces) | extra, clone_into, exit_signal, pidfd);
  }
  if (pid == 0) task.Run();
  return pid;
}

Error CloneError(int error) {
  Error plain = ErrnoError(error, "make the namespaces of the run");
  if (error == EPERM || error == ENOSPC || error == EINVAL) {
    return std::move(plain).Within("this host refuses user namespaces here (see `fumehood doctor`)");
  }
  return plain;
}

struct SpawnerReport {
  pid_t pid = -1;
  int error = 0;
  int join_index = -1;  // the cgroup that could not be entered
  uint32_t namespaces = 0;
};

// In the keeper's memory: `report` is the caller's.
[[noreturn]] void RunSpawner(const ChildTask& task, int clone_into, const std::vector<Fd>& join, SpawnerReport& report) {
  for (size_t i = 0; i < join.size() && report.error == 0; ++i) {
    if (write(join[i].get(), "0", 1) != 1) {
      report.error = errno;
      report.join_index = static_cast<int>(i);
    }
  }
  if (report.error == 0) {
    report.pid = CloneWithoutWhatIsOptional(task, &report.namespaces, clone_into, CLONE_PARENT, 0, nullptr);
    if (report.pid < 0) report.error = errno;
  }
  _exit(0);
}

// Nothing here changes credentials, which in shared memory would take the keeper's own from it (DESIGN.md section 6).
SpawnerReport SpawnThroughSpawner(const ChildTask& task, uint32_t namespaces, int clone_into, const std::vector<Fd>& join) {
  SpawnerReport report;
  report.namespaces = namespaces;
  const pid_t spawner = vfork();
  if (spawner == 0) RunSpawner(task, clone_into, join, report);
  if (spawner < 0) report.error = errno;
  while (spawner > 0 && waitpid(spawner, nullptr, 0) < 0 && errno == EINTR) {
  }
  return report;
}

Result<void> WriteMap(pid_t pid, const char* name, IdMap map) {
  return WriteKernelFile(kHere, fmt::format("/proc/{}/{}", pid, name), fmt::format("{} {} 1\n", map.inside, map.outside));
}

}  // namespace

Result<SpawnedRun> SpawnRun(const ChildTask& task, uint32_t* namespaces, int clone_into, const std::vector<Fd>& join) {
  if (!join.empty()) {
    const SpawnerReport report = SpawnThroughSpawner(task, *namespaces, clone_into, join);
    if (report.join_index >= 0) return ErrnoError(report.error, fmt::format("enter cgroup {} of the run", report.join_index));
    if (report.error != 0) return CloneError(report.error);
    if (report.pid < 0) return Error(ErrorCode::kInternal, "the spawner ended before it could start the run");
    *namespaces = report.namespaces;
    SpawnedRun run;
    run.pid = report.pid;
    FH_ASSIGN_OR_RETURN(run.pidfd, PidfdOpen(report.pid));  // our unreaped child: the number cannot be another's
    return run;
  }
  int pidfd = -1;
  const pid_t pid = CloneWithoutWhatIsOptional(task, namespaces, clone_into, 0, SIGCHLD, &pidfd);
  const int error = errno;
  if (pid < 0) return CloneError(error);
  return SpawnedRun{pid, Fd(pidfd)};
}

Result<void> WriteIdMaps(pid_t pid, IdMap uid, IdMap gid, bool privileged) {
  if (!privileged) FH_TRY(WriteKernelFile(kHere, fmt::format("/proc/{}/setgroups", pid), "deny"));
  FH_TRY(WriteMap(pid, "uid_map", uid));
  return WriteMap(pid, "gid_map", gid);
}

Result<Fd> MakeIdMapNamespace(IdMap uid, IdMap gid) {
  // Only its namespace is wanted; the caller ends it. It shares our memory, which costs less than a copy, and touches none of it.
  alignas(16) char stack[4096];
  const auto wait = [](void*) -> int {
    for (;;) pause();
  };
  int pidfd = -1;
  const pid_t pid = clone(wait, stack + sizeof stack, CLONE_NEWUSER | CLONE_VM | CLONE_PIDFD | SIGCHLD, nullptr, &pidfd);
  const int error = errno;
  if (pid < 0) return CloneError(error);
  const Fd holder(pidfd);
  Result<void> mapped = WriteIdMaps(pid, uid, gid, true);
  Result<Fd> opened = mapped ? OpenAt(kHere, fmt::format("/proc/{}/ns/user", pid), O_RDONLY) : Result<Fd>(std::move(mapped).error());
  (void)PidfdSignal(holder, SIGKILL);  // our unreaped child: it is there
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return opened;
}

}  // namespace fumehood
