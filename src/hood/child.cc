#include "src/hood/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iterator>
#include <string>
#include <utility>

#include "src/hood/network_namespace.h"
#include "src/hood/plan_wire.h"
#include "src/hood/start_program.h"
#include "src/sys/message.h"

namespace fumehood {
namespace {

constexpr int kFloor = 512;  // above what the keeper and the slots use

void Tell(int fd, const ChildReport& report) {
  // Nobody to complain to: when the keeper has gone, the end of the keepalive pipe ends the run anyway.
  (void)!write(fd, &report, sizeof report);
}

// The system calls themselves: glibc's wrappers would signal other threads, of which there are none.
bool SetIds(uid_t uid, gid_t gid) {
  return syscall(SYS_setresgid, gid, gid, gid) == 0 && syscall(SYS_setresuid, uid, uid, uid) == 0;
}

ChildReport Say(ChildReport::Kind kind, const std::string& text) {
  ChildReport report{.kind = kind};
  text.copy(report.text, sizeof report.text - 1);
  return report;
}

}  // namespace

ChildTask::ChildTask(const HoodPlan& box, const ChildFds& fds, TreeSlots* slots, bool trees_are_open, bool may_drop_groups)
    : box_(box), fds_(fds), slots_(slots), trees_are_open_(trees_are_open), may_drop_groups_(may_drop_groups) {}

void ChildTask::Fail(ChildReport::Kind kind, int index, int error) const {
  Tell(fds_.report, {.kind = kind, .index = index, .error = error});
  _exit(1);
}

void ChildTask::Run() const {
  sigset_t all;
  sigfillset(&all);
  (void)sigprocmask(SIG_SETMASK, &all, nullptr);
  (void)close(fds_.line_keeper);
  (void)umask(022);  // the keeper's own is for its records
  WaitForGo();
  TakeIds();
  // After the ids: a change of credentials clears it (prctl(2)).
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Fail(ChildReport::kIdsFailed, -1, errno);
  // Here and not by the clone: a cgroup namespace begins at the cgroup of whoever makes it, and only now that is the run's.
  if ((box_.namespaces & kNsCgroup) != 0 && unshare(CLONE_NEWCGROUP) != 0) Fail(ChildReport::kNamespaceFailed, -1, errno);
  WalkBox();
  if (!box_.argv.empty()) RunWarm();
  Tell(fds_.report, {.kind = ChildReport::kBoxed});
  const RunPart run = ReceiveRun(fds_.line, fds_.report);
  Walk(run.plan, ChildReport::kStepFailed);
  TellNamespaces(fds_.report);
  if (chdir(run.plan.cwd.c_str()) != 0) Fail(ChildReport::kChdirFailed, -1, errno);
  const Kept fds = KeepOnly(run.stdin_fd.get(), -1);
  const int analysis = StartAnalysis(run.plan, fds);
  close(fds.stdin_fd);
  close(fds.stdout_fd);
  close(fds.stderr_fd);
  ReapUntilTheEnd(fds, analysis);
}

// The interpreter waits outside the work directory: what it looked up there could be remembered, by it and by the overlay, when
// the run begins and the directory has changed.
void ChildTask::RunWarm() const {
  if (chdir("/") != 0) Fail(ChildReport::kChdirFailed, -1, errno);
  Kept fds = KeepOnly(fds_.keepalive, fds_.line);  // no standard input yet
  ParkedInterpreter interpreter;
  const std::string not_parked = interpreter.Start(box_, fds.keepalive);
  if (!not_parked.empty()) {
    Tell(fds.report, Say(ChildReport::kNotParked, not_parked));
    _exit(1);
  }
  Tell(fds.report, {.kind = ChildReport::kParked});
  const RunPart run = AwaitWarmRun(fds, interpreter);
  close(std::exchange(fds.stdin_fd, fcntl(run.stdin_fd.get(), F_DUPFD_CLOEXEC, kFloor)));
  TellNamespaces(fds.report);
  if (chdir(run.plan.cwd.c_str()) != 0) {
    Tell(fds.report, {.kind = ChildReport::kChdirFailed, .error = errno});
    _exit(1);
  }
  int analysis = interpreter.pid();
  const std::string cold = interpreter.HandOver(run.plan, {fds.stdin_fd, fds.stdout_fd, fds.stderr_fd});
  if (cold.empty()) {
    Tell(fds.report, {.kind = ChildReport::kStarted, .index = kWarm});
  } else {
    // The hood is the run's in any case, whole and sealed.
    Tell(fds.report, Say(ChildReport::kColdInstead, cold));
    analysis = StartAnalysis(run.plan, fds);
  }
  close(fds.stdin_fd);
  close(fds.stdout_fd);
  close(fds.stderr_fd);
  ReapUntilTheEnd(fds, analysis);
}

ChildTask::RunPart ChildTask::AwaitWarmRun(const Kept& fds, const ParkedInterpreter& interpreter) const {
  struct pollfd waits[2] = {{fds.line, POLLIN, 0}, {interpreter.poll_fd(), POLLIN, 0}};
  do {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(1);
    if (waits[1].revents == 0) continue;
    // Its run may be on its way all the same, and is then started as any other.
    Tell(fds.report, Say(ChildReport::kNotParked, "the waiting interpreter has ended"));
    waits[1].fd = -1;
  } while (waits[0].revents == 0);
  return ReceiveRun(fds.line, fds.report);
}

void ChildTask::WaitForGo() const {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = read(fds_.line, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(1);  // the keeper has gone
}

void ChildTask::TakeIds() const {
  // An ordinary user may not drop groups in a user namespace (user_namespaces(7)); root must.
  if (may_drop_groups_ && setgroups(0, nullptr) != 0) Fail(ChildReport::kIdsFailed, -1, errno);
  if (!SetIds(static_cast<uid_t>(box_.uid_inside), static_cast<gid_t>(box_.gid_inside))) {
    Fail(ChildReport::kIdsFailed, -1, errno);
  }
}

// Told from inside: to the keeper of an ordinary user, a process that cannot be traced does not show its namespaces.
void ChildTask::TellNamespaces(int report_fd) const {
  constexpr const char* kLinks[] = {"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/pid",    "/proc/self/ns/ipc",
                                    "/proc/self/ns/uts",  "/proc/self/ns/net", "/proc/self/ns/cgroup", "/proc/self/ns/time"};
  ChildReport report{.kind = ChildReport::kSealed};
  for (size_t i = 0; i < std::size(kLinks); ++i) {
    struct stat info {};
    if (stat(kLinks[i], &info) == 0) report.namespaces[i] = info.st_ino;
  }
  Tell(report_fd, report);
}

void ChildTask::WalkBox() const {
  NetworkNamespace network;
  bool joined = (box_.namespaces & kNsNet) == 0;
  const auto join = [&] {
    const int error = joined ? 0 : network.Join();
    if (error != 0) Fail(ChildReport::kNetworkFailed, -1, error);
    joined = true;
  };
  const int error = joined ? 0 : network.StartMaking();
  if (error != 0) Fail(ChildReport::kNetworkFailed, -1, error);
  for (size_t i = 0; i < box_.steps.size(); ++i) {
    if (box_.steps[i].op == Op::kLoopbackUp) join();
    Apply(box_, i, ChildReport::kBoxStepFailed);
  }
  join();
}

void ChildTask::Walk(const HoodPlan& plan, ChildReport::Kind failure) const {
  for (size_t i = 0; i < plan.steps.size(); ++i) Apply(plan, i, failure);
}

void ChildTask::Apply(const HoodPlan& plan, size_t index, ChildReport::Kind failure) const {
  const HoodStep& step = plan.steps[index];
  if (step.op == Op::kOpenTree && trees_are_open_) return;
  const int error = ApplyStep(step, slots_);
  if (error != 0) Fail(failure, static_cast<int>(index), error);
}

ChildTask::RunPart ChildTask::ReceiveRun(int line, int report) const {
  constexpr size_t kLimit = size_t{64} << 20;
  const auto damaged = [&] {
    Tell(report, {.kind = ChildReport::kIdsFailed, .error = EBADMSG});
    _exit(1);
  };
  auto message = ReceiveMessage(Fd(line), kLimit);
  if (!message || !*message) _exit(1);  // the keeper has gone, or the run will not be
  auto plan = DecodePlan((*message)->bytes);
  if (!plan || (*message)->fds.empty()) damaged();
  std::vector<Fd>& fds = (*message)->fds;
  size_t next = 1;
  for (const HoodStep& step : plan->steps) {
    if (step.op != Op::kOpenTree || !trees_are_open_) continue;
    if (next == fds.size()) damaged();
    slots_->fds[step.slot] = fds[next++].Release();
  }
  return {std::move(plan).value(), std::move(fds[0])};
}

// Everything else that the keeper had open (its records, the cgroup, other ends of pipes) is closed here and not left to
// exec: PID 1 never execs.
ChildTask::Kept ChildTask::KeepOnly(int stdin_fd, int line) const {
  Kept kept{fds_.report, fds_.keepalive, stdin_fd, fds_.stdout_fd, fds_.stderr_fd, line};
  int last = kFloor;
  for (int* fd : {&kept.report, &kept.keepalive, &kept.stdin_fd, &kept.stdout_fd, &kept.stderr_fd, &kept.line}) {
    if (*fd < 0) continue;
    *fd = fcntl(*fd, F_DUPFD_CLOEXEC, kFloor);
    if (*fd < 0) Fail(ChildReport::kChdirFailed, -1, errno);
    last = *fd;
  }
  (void)close_range(0, kFloor - 1, 0);
  (void)close_range(static_cast<unsigned>(last) + 1, ~0U, 0);
  return kept;
}

int ChildTask::StartAnalysis(const HoodPlan& plan, const Kept& fds) const {
  const StartedProgram started = StartProgram(plan, {fds.stdin_fd, fds.stdout_fd, fds.stderr_fd});
  if (started.error != 0) {
    Tell(fds.report, {.kind = ChildReport::kExecFailed, .error = started.error});
    _exit(1);
  }
  Tell(fds.report, {.kind = ChildReport::kStarted});
  return started.pid;
}

void ChildTask::ReapUntilTheEnd(const Kept& fds, int analysis) const {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  struct pollfd waits[2] = {{signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0}, {fds.keepalive, POLLIN, 0}};
  // A child may have ended before the descriptor was there: SIGCHLD is pending then, and shows.
  for (;;) {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(1);
    if (waits[1].revents != 0) _exit(1);  // the keeper has gone: PID 1's end is everybody's
    struct signalfd_siginfo info;
    while (read(waits[0].fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGTERM) (void)kill(-analysis, SIGTERM);
    }
    for (;;) {
      int status = 0;
      const pid_t ended = waitpid(-1, &status, WNOHANG);
      if (ended <= 0) break;
      if (ended == analysis) EndWithAll(fds, status);
    }
  }
}

// What the analysis left behind ends with it. Our own end would see to that too, but only after the kernel has taken down the
// namespaces, which takes it milliseconds; this way the keeper knows before.
void ChildTask::EndWithAll(const Kept& fds, int wait_status) {
  const bool is_init = getpid() == 1;  // else -1 would be everybody on the host: never without a pid namespace of our own
  while (is_init) {
    (void)kill(-1, SIGKILL);  // all of the namespace but ourselves
    // The orphans of what dies become ours before it can be reaped, so that no child left means that nobody is left.
    if (waitpid(-1, nullptr, 0) < 0 && errno != EINTR) break;
  }
  Tell(fds.report, {.kind = ChildReport::kExited, .wait_status = wait_status});
  // Until the keeper lets go: of a run that was over before the keeper came to it, the isolation can still be read back from /proc.
  struct pollfd keeper {fds.keepalive, POLLIN, 0};
  while (poll(&keeper, 1, -1) < 0 && errno == EINTR) {
  }
  _exit(0);
}

}  // namespace fumehood
