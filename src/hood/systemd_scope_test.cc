// A real scope from a real systemd, as root or as a user with a manager of their own.
#include "src/hood/systemd_scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

#include "src/base/text.h"
#include "src/hood/cgroup.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

void StartSleeperIn(const RunCgroup& run) {
  struct clone_args args {};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(run.clone_fd());
  if (syscall(SYS_clone3, &args, sizeof args) == 0) {
    for (;;) pause();
  }
}

// The keeper's part, in a process that waits to hear which scope it is in. Its exit code says where it came to.
int LiveAsKeeper(const CgroupPlace& place, int scope_pipe) {
  const auto scope = ReadFd(scope_pipe, 4096);
  if (!scope || scope->empty()) return 10;
  const auto inside = EnterScope(place, *scope);
  if (!inside) {
    (void)fprintf(stderr, "%s\n", inside.error().message().c_str());
    return 11;
  }
  const bool whole = HasWord(inside->controllers, "memory") && HasWord(inside->controllers, "pids");
  if (!whole) return 12;
  auto run = RunCgroup::Create(*inside, "run", {.memory_bytes = 32 << 20, .cpu_quota = 0, .pids_max = 16});
  if (!run) {
    (void)fprintf(stderr, "%s\n", run.error().message().c_str());
    return 13;
  }
  StartSleeperIn(*run);
  if (run->Pids()->size() != 1) return 14;
  if (!run->KillAll() || !run->Pids()->empty()) return 15;
  return run->Remove() ? 0 : 16;
}

bool SystemdRuns() { return access("/run/systemd/system", F_OK) == 0; }

TEST(SystemdScope, IsUnsupportedWhereSystemdDoesNotRun) {
  if (SystemdRuns()) GTEST_SKIP() << "needs nosystemd: it runs here";
  const auto scope = StartScope(getpid(), "fumehood-test", "a test");
  ASSERT_FALSE(scope);
  EXPECT_EQ(scope.error().code(), ErrorCode::kUnsupported);
}

TEST(SystemdScope, HoldsARunWithItsLimitsBesideItsKeeper) {
  if (!SystemdRuns()) GTEST_SKIP() << "needs systemd: it does not run here";
  const auto place = FindCgroupPlace("");
  ASSERT_TRUE(place) << place.error().message();
  ASSERT_TRUE(place->needs_scope) << place->how;
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  const pid_t keeper = fork();
  if (keeper == 0) {
    pipe->write.Reset();
    _exit(LiveAsKeeper(*place, pipe->read.get()));
  }
  const auto scope = StartScope(keeper, "fumehood-test-" + std::to_string(keeper), "a test of Fumehood");
  EXPECT_TRUE(scope) << (scope ? "" : scope.error().message());
  EXPECT_TRUE(scope && WriteAll(pipe->write.get(), *scope));
  pipe->write.Reset();
  int status = 0;
  ASSERT_EQ(waitpid(keeper, &status, 0), keeper);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(WIFEXITED(status));
}

}  // namespace
}  // namespace fumehood
