// RunCgroup on real kernels. Each case is one for v1 and one for v2; a machine runs those of the version that it has.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "src/base/text.h"
#include "src/hood/cgroup.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_mounts.h"
#include "src/hood/cgroup_setup.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int kPatienceMs = 30000;  // never waited for, but by a test that fails
constexpr uid_t kLabUser = 61234;

// Starts `body` in the run as the keeper does: through `tasks` on v1, by CLONE_INTO_CGROUP on v2.
pid_t StartIn(const RunCgroup& run, const std::function<void()>& body) {
  struct clone_args args {};
  args.exit_signal = SIGCHLD;
  if (run.clone_fd() >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(run.clone_fd());
  }
  const bool through_spawner = !run.join_fds().empty();
  if (through_spawner) {
    // The body waits until the spawner is gone: it is a member too, and the kernel ends with SIGSEGV a process whose restartable
    // sequence cannot be written for want of memory.
    std::array<int, 2> gate {};
    EXPECT_EQ(pipe2(gate.data(), O_CLOEXEC), 0);
    const Fd opened(gate[0]);
    Fd closed(gate[1]);
    const pid_t spawner = fork();
    if (spawner == 0) {
      closed.Reset();
      for (const Fd& fd : run.join_fds()) {
        if (write(fd.get(), "0", 1) != 1) _exit(100);
      }
      args.flags |= CLONE_PARENT;
      args.exit_signal = 0;  // CLONE_PARENT takes the spawner's own
      const long child = syscall(SYS_clone3, &args, sizeof args);
      if (child < 0) _exit(101);
      if (child == 0) {
        char end = 0;
        if (read(opened.get(), &end, 1) != 0) _exit(102);
        body();
        _exit(0);
      }
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(spawner, &status, 0), spawner);
    EXPECT_EQ(status, 0) << "the spawner could not enter the run";
    closed.Reset();
    const auto pids = run.Pids();
    return pids && !pids->empty() ? pids->front() : 0;
  }
  const long child = syscall(SYS_clone3, &args, sizeof args);
  EXPECT_GE(child, 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  return static_cast<pid_t>(child);
}

void FillMemory(int64_t bytes) {
  void* memory = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) std::memset(memory, 1, static_cast<size_t>(bytes));
}

[[noreturn]] void SleepForEver() {
  for (;;) pause();
}

bool Wait(RunCgroup::WakeFd wake) {
  struct pollfd waited {wake.fd, static_cast<short>(wake.priority ? POLLPRI : POLLIN), 0};
  return poll(&waited, 1, kPatienceMs) == 1;
}

// Newer kernels count refused forks on v1 without waking anybody: the keeper then sees them when it reads.
bool WaitForRefusedFork(RunCgroup& run) {
  for (int left_ms = kPatienceMs; left_ms > 0; left_ms -= 10) {
    struct pollfd waited {run.pids_events().fd, POLLPRI, 0};
    (void)poll(&waited, 1, run.version() == CgroupVersion::kV2 ? kPatienceMs : 10);
    if (run.Read()->pids_limit_hits > 0) return true;
  }
  return false;
}

void ReapAll() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

class RunCgroupTest : public testing::TestWithParam<CgroupVersion> {
 protected:
  void SetUp() override {
    const char* need = GetParam() == CgroupVersion::kV1 ? "cgroup1" : "cgroup2";
    if (geteuid() != 0) GTEST_SKIP() << "needs root: making cgroups is its right";
    auto place = FindCgroupPlace("");
    ASSERT_TRUE(place) << place.error().message();
    place_ = std::move(place).value();
    if (place_.needs_scope) GTEST_SKIP() << "needs " << need << ": this host's are systemd's, as systemd_scope_test has them";
    if (place_.version != GetParam()) GTEST_SKIP() << "needs " << need << ": " << place_.how;
  }
  void TearDown() override {
    if (run_) {
      EXPECT_TRUE(run_->KillAll());
      ReapAll();
      const auto paths = run_->paths();
      const auto removed = run_->Remove();
      EXPECT_TRUE(removed) << removed.error().message();
      for (const auto& [hierarchy, path] : paths) EXPECT_NE(access(path.c_str(), F_OK), 0) << path;
    }
    RemoveParents();
  }
  // The parents stay for the next run in real use; a test leaves nothing.
  void RemoveParents() {
    for (const auto& [controller, parent] : place_.v1_parents) (void)rmdir(parent.c_str());
    if (!place_.v2_parent.empty()) (void)rmdir(place_.v2_parent.c_str());
    if (!place_.v2_kill_parent.empty()) (void)rmdir(place_.v2_kill_parent.c_str());
  }
  RunCgroup& Make(const CgroupLimits& limits, const std::string& name = "kernel-test-" + std::to_string(getpid())) {
    auto run = RunCgroup::Create(place_, name, limits);
    EXPECT_TRUE(run) << run.error().message();
    if (!run) std::abort();
    run_.emplace(std::move(run).value());
    return *run_;
  }
  std::string TextOf(const std::string& hierarchy, const std::string& file) {
    const std::string& directory = run_->paths().at(place_.version == CgroupVersion::kV2 ? "v2" : hierarchy);
    return ReadFile(kHere, JoinPath(directory, file)).value();
  }

  CgroupPlace place_;
  std::optional<RunCgroup> run_;
};

// v1 alone, without the v2 half to kill by: as an ordinary user's runs are.
class RunCgroupOnV1Test : public RunCgroupTest {
 protected:
  void SetUp() override {
    RunCgroupTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    place_.v2_kill_parent.clear();
  }
  void UseFreezer() {
    for (const char* controller : {"freezer", "cpuacct"}) {
      place_.v1_parents[controller] = std::string("/sys/fs/cgroup/") + controller + "/fumehood";
    }
  }
};

TEST_P(RunCgroupTest, LimitsReadBackFromTheKernel) {
  RunCgroup& run = Make({.memory_bytes = 64 * kMiB + 5, .cpu_quota = 0.5, .pids_max = 7});
  EXPECT_THAT(run.limited(), ElementsAre("memory", "cpu", "pids"));
  EXPECT_EQ(TextOf("pids", "pids.max"), "7\n");
  const std::string memory = std::to_string(64 * kMiB) + "\n";
  if (run.version() == CgroupVersion::kV2) {
    EXPECT_EQ(TextOf("", "memory.max"), memory);
    EXPECT_EQ(TextOf("", "memory.oom.group"), "1\n");
    EXPECT_EQ(TextOf("", "cpu.max"), "50000 100000\n");
    EXPECT_TRUE(run.join_fds().empty());
  } else {
    EXPECT_EQ(TextOf("memory", "memory.limit_in_bytes"), memory);
    EXPECT_EQ(TextOf("memory", "memory.memsw.limit_in_bytes"), memory);
    EXPECT_THAT(TextOf("memory", "memory.oom_control"), HasSubstr("oom_kill_disable 1"));
    EXPECT_EQ(TextOf("cpu", "cpu.cfs_quota_us"), "50000\n");
  }
}

TEST_P(RunCgroupTest, TheMemoryLimitWakesTheKeeperAndNoMemberIsLeft) {
  RunCgroup& run = Make({.memory_bytes = 32 * kMiB, .cpu_quota = 0, .pids_max = 0});
  const pid_t first = StartIn(run, [] {
    std::array<int, 2> started {};  // the second has all its pages before the first takes the rest
    if (pipe(started.data()) != 0) _exit(103);
    if (fork() == 0) {
      if (write(started[1], "0", 1) != 1) _exit(104);
      SleepForEver();
    }
    char byte = 0;
    if (read(started[0], &byte, 1) != 1) _exit(105);
    FillMemory(256 * kMiB);
    SleepForEver();
  });
  int64_t kills = 0;
  while (kills == 0) {
    ASSERT_TRUE(Wait(run.memory_events()));
    const auto usage = run.Read();
    ASSERT_TRUE(usage);
    kills = usage->oom_kills;
    EXPECT_GT(usage->memory_limit_hits, 0);
    EXPECT_GT(usage->memory_peak_bytes.value_or(32 * kMiB), 30 * kMiB);
  }
  if (run.keeper_must_end_run_on_oom()) {
    // They wait in the kernel, none has died.
    EXPECT_THAT(TextOf("memory", "memory.oom_control"), HasSubstr("under_oom 1"));
    EXPECT_EQ(run.Pids().value().size(), 2U);
  } else {
    int status = 0;
    EXPECT_EQ(waitpid(first, &status, 0), first);  // nobody but the kernel has killed it
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    const Fd events(open((run.paths().at("v2") + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    while (ValueOf(Reread(events), "populated") != 0) ASSERT_TRUE(Wait({events.get(), true}));
  }
  const auto killed = run.KillAll();
  EXPECT_TRUE(killed) << killed.error().message();
  EXPECT_TRUE(run.Pids().value().empty());
}

TEST_P(RunCgroupOnV1Test, KillingByFreezerEndsTasksThatWaitForMemory) {
  UseFreezer();
  RunCgroup& run = Make({.memory_bytes = 32 * kMiB, .cpu_quota = 0, .pids_max = 0});
  EXPECT_EQ(run.clone_fd(), -1);
  StartIn(run, [] { FillMemory(256 * kMiB); });
  ASSERT_TRUE(Wait(run.memory_events()));
  const auto killed = run.KillAll();
  EXPECT_TRUE(killed) << killed.error().message();
  EXPECT_TRUE(run.Pids().value().empty());
  EXPECT_GT(run.Read()->cpu_system_s + run.Read()->cpu_user_s, 0);
}

TEST_P(RunCgroupTest, RefusedForksAreCountedAndWakeTheKeeper) {
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0, .pids_max = 4});
  StartIn(run, [] {
    while (fork() >= 0) {
    }
    SleepForEver();
  });
  ASSERT_TRUE(WaitForRefusedFork(run));
  const auto usage = run.Read();
  EXPECT_GT(usage->pids_limit_hits, 0);
  EXPECT_LE(usage->pids.value_or(0), 4);
}

void StartHardToKill() {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) SleepForEver();  // double-forked
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    SleepForEver();
  }
  const pid_t stopped = fork();
  if (stopped == 0) SleepForEver();
  kill(stopped, SIGSTOP);
  const pid_t traced = fork();
  if (traced == 0) SleepForEver();
  ptrace(PTRACE_SEIZE, traced, nullptr, reinterpret_cast<void*>(PTRACE_O_TRACEEXIT));
  for (;;) (void)fork();  // and a bomb beside them
}

void ExpectKillAllLeavesNothing(RunCgroup& run) {
  ASSERT_TRUE(WaitForRefusedFork(run));  // the bomb has filled the run
  const auto killed = run.KillAll();
  EXPECT_TRUE(killed) << killed.error().message();
  EXPECT_TRUE(run.Pids().value().empty());
}

TEST_P(RunCgroupTest, NothingSurvivesKillAllHoweverItForksOrDetaches) {
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0, .pids_max = 64});
  StartIn(run, StartHardToKill);
  ExpectKillAllLeavesNothing(run);
}

TEST_P(RunCgroupOnV1Test, NothingSurvivesTheFreezerEither) {
  UseFreezer();
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0, .pids_max = 64});
  StartIn(run, StartHardToKill);
  ExpectKillAllLeavesNothing(run);
}

TEST_P(RunCgroupOnV1Test, NothingSurvivesWhereThereIsNoFreezer) {
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0, .pids_max = 64});
  StartIn(run, StartHardToKill);
  ExpectKillAllLeavesNothing(run);
}

// In a mount namespace of its own where cgroup.kill cannot be opened for writing, as on kernels that do not have it.
int KillWithoutCgroupKill(const CgroupPlace& place, const std::string& name) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 10;
  auto run = RunCgroup::Create(place, name, {.memory_bytes = 0, .cpu_quota = 0, .pids_max = 64});
  if (!run) return 11;
  const std::string file = run->paths().at("v2") + "/cgroup.kill";
  if (mount("/proc/version", file.c_str(), nullptr, MS_BIND, nullptr) != 0) return 12;
  if (mount(nullptr, file.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 13;
  if (WriteKernelFile(kHere, file, "1")) return 14;
  StartIn(*run, StartHardToKill);
  if (!WaitForRefusedFork(*run)) return 15;
  const auto killed = run->KillAll();
  if (!killed || !run->Pids()->empty()) return 16;
  ReapAll();
  (void)umount2(file.c_str(), MNT_DETACH);
  return run->Remove() ? 0 : 17;
}

TEST_P(RunCgroupTest, NothingSurvivesWhereCgroupKillIsDenied) {
  if (place_.v2_parent.empty() && place_.v2_kill_parent.empty()) GTEST_SKIP() << "needs cgroup2: no hierarchy of it beside v1";
  const pid_t other = fork();
  if (other == 0) _exit(KillWithoutCgroupKill(place_, "no-kill-" + std::to_string(getpid())));
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_P(RunCgroupTest, CountsProcessorTimeAndThrottling) {
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0.05, .pids_max = 0});
  StartIn(run, [] {
    for (std::atomic<bool> turning = true; turning;) {
    }
  });
  CgroupUsage usage;
  while (usage.throttled_s == 0) usage = run.Read().value();  // ends with the first period
  EXPECT_TRUE(run.KillAll());
  usage = run.Read().value();
  EXPECT_GT(usage.cpu_user_s, 0);
}

TEST_P(RunCgroupTest, ARunWhoseKeeperHasGoneIsFoundKilledAndRemoved) {
  RunCgroup& made = Make({.memory_bytes = 64 * kMiB, .cpu_quota = 1, .pids_max = 8});
  const std::string name = "kernel-test-" + std::to_string(getpid());
  StartIn(made, SleepForEver);
  auto found = RunCgroup::Find(place_, name);
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((*found)->Pids()->size(), 1U);
  EXPECT_TRUE((*found)->KillAll());
  EXPECT_TRUE((*found)->Remove());
  EXPECT_TRUE((*found)->Remove());
  const auto gone = RunCgroup::Find(place_, name);
  ASSERT_TRUE(gone);
  EXPECT_FALSE(gone->has_value());
}

// 1 MiB that lies on a disk, not in the page cache, and has no name any more.
Fd FileOnDisk() {
  for (const char* directory : {"/tmp", "/var/tmp"}) {
    struct statfs info {};
    if (statfs(directory, &info) != 0 || info.f_type == TMPFS_MAGIC) continue;
    Fd file(open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!WriteAll(file.get(), std::string(kMiB, 'x')) || !Sync(file.get())) continue;
    if (posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0) return file;
  }
  return {};
}

TEST_P(RunCgroupTest, TheLittlePageCacheOfARunGoesWithItsCgroup) {
  for (auto& [controller, parent] : place_.v1_parents) parent += "-cache-test";  // where nobody else is counted
  if (!place_.v2_parent.empty()) place_.v2_parent += "-cache-test";
  RunCgroup& run = Make({.memory_bytes = 64 * kMiB, .cpu_quota = 0, .pids_max = 0});
  const bool v2 = run.version() == CgroupVersion::kV2;
  const Fd parent = OpenDir(kHere, v2 ? place_.v2_parent : place_.v1_parents.at("memory")).value();
  const auto charged = [&] { return FindNumber(parent.get(), v2 ? "memory.current" : "memory.usage_in_bytes").value_or(-1); };
  const Fd file = FileOnDisk();
  ASSERT_TRUE(file.valid()) << "neither /tmp nor /var/tmp lies on a disk";
  const pid_t reader = StartIn(run, [&] {
    std::array<char, 65536> chunk {};
    for (off_t at = 0; at < kMiB; at += static_cast<off_t>(chunk.size())) {
      if (pread(file.get(), chunk.data(), chunk.size(), at) <= 0) _exit(1);
    }
  });
  int status = 0;
  ASSERT_EQ(waitpid(reader, &status, 0), reader);
  ASSERT_EQ(status, 0);
  ASSERT_GE(charged(), kMiB);
  ASSERT_TRUE(run.KillAll());
  ASSERT_TRUE(run.Remove());
  run_.reset();
  EXPECT_LT(charged(), kMiB / 2);
}

TEST_P(RunCgroupTest, RemoveOfARunThatStillLivesNamesItsProcesses) {
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0, .pids_max = 8});
  StartIn(run, SleepForEver);
  const std::string pid = std::to_string(run.Pids()->front());
  const auto removed = run.Remove();
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().message(), HasSubstr("processes in it: " + pid));
}

TEST_P(RunCgroupTest, ATakenNameIsAnErrorAndTheRunThatHasItStays) {
  RunCgroup& run = Make({.memory_bytes = 0, .cpu_quota = 0, .pids_max = 8});
  const auto second = RunCgroup::Create(place_, "kernel-test-" + std::to_string(getpid()), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  for (const auto& [hierarchy, path] : run.paths()) EXPECT_EQ(access(path.c_str(), F_OK), 0) << path;
}

TEST_P(RunCgroupTest, ALimitThatTheKernelRefusesNamesTheFileAndLeavesNothingBehind) {
  const auto run = RunCgroup::Create(place_, "refused-" + std::to_string(getpid()), {.memory_bytes = 0, .cpu_quota = 0.00001, .pids_max = 0});
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message(), testing::AnyOf(HasSubstr("cpu.max"), HasSubstr("cpu.cfs_quota_us")));
  const auto left = RunCgroup::Find(place_, "refused-" + std::to_string(getpid()));
  ASSERT_TRUE(left);
  EXPECT_FALSE(left->has_value());
}

// In a child that has become the user; its exit code says where it came to.
int AsLabUser(const CgroupPlace& before) {
  // On v2 the user's shell must have been moved into the subtree, as the set-up says.
  if (before.version == CgroupVersion::kV2) {
    const std::string session = JoinPath(JoinPath(ParentPath(before.v2_parent), UserDirectory(kLabUser)), "session/cgroup.procs");
    if (!WriteKernelFile(kHere, session, "0")) return 10;
  }
  if (setresgid(kLabUser, kLabUser, kLabUser) != 0 || setresuid(kLabUser, kLabUser, kLabUser) != 0) return 11;
  const auto place = FindCgroupPlace("");
  if (!place || place->version != before.version || place->controllers.size() != 3) return 12;
  auto run = RunCgroup::Create(*place, "lab-run", {.memory_bytes = 32 * kMiB, .cpu_quota = 0.5, .pids_max = 16});
  if (!run) {
    (void)fprintf(stderr, "%s\n", run.error().message().c_str());
    return 13;
  }
  StartIn(*run, [] { FillMemory(256 * kMiB); });
  if (!Wait(run->memory_events())) return 14;
  if (!run->KillAll() || !run->Pids()->empty()) return 15;
  ReapAll();
  return run->Remove() ? 0 : 16;
}

TEST_P(RunCgroupTest, ASubtreeGivenToAUserLetsThemRunWithLimitsAndIsTakenAway) {
  const auto done = SetupForUser(kLabUser, kLabUser);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_TRUE(SetupForUser(kLabUser, kLabUser)) << "repeating it is harmless";
  const pid_t user = fork();
  if (user == 0) _exit(AsLabUser(place_));
  int status = 0;
  ASSERT_EQ(waitpid(user, &status, 0), user);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const auto undone = UndoSetupForUser(kLabUser);
  EXPECT_TRUE(undone) << undone.error().message();
  EXPECT_EQ(UndoSetupForUser(kLabUser)->size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(V1, RunCgroupTest, testing::Values(CgroupVersion::kV1));
INSTANTIATE_TEST_SUITE_P(V2, RunCgroupTest, testing::Values(CgroupVersion::kV2));
INSTANTIATE_TEST_SUITE_P(V1, RunCgroupOnV1Test, testing::Values(CgroupVersion::kV1));

}  // namespace
}  // namespace fumehood
