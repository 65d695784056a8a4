#include "src/hood/seccomp_filter.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/hood/seccomp_walled_child.h"

namespace fumehood {
namespace {

using testing::HasSubstr;

ChildEnd RunFiltered(const std::vector<std::string>& argv) {
  return InChild([&argv] {
    if (LoadSeccompFilter() != 0) return EXIT_FAILURE;
    return Become(argv);
  });
}

TEST(SeccompFilter, LoadsForAnOrdinaryUserAndSetsNoNewPrivileges) {
  const ChildEnd end = InChild([] {
    if (LoadSeccompFilter() != 0) return 1;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 2;
    constexpr int kFilterMode = 2;
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == kFilterMode ? 0 : 3;
  });
  EXPECT_EQ(end.exit_code, 0);
}

TEST(SeccompFilter, AnswersRefusedCallsInTheKernelToo) {
  const auto errno_of = [](long result) { return result < 0 ? errno : 0; };
  const ChildEnd end = InChild([&errno_of] {
    if (LoadSeccompFilter() != 0) return 1;
    if (errno_of(mount("none", "/tmp", "tmpfs", 0, nullptr)) != EPERM) return 2;
    if (errno_of(unshare(CLONE_NEWUSER)) != EPERM) return 3;
    if (errno_of(syscall(SYS_clone3, nullptr, 0)) != ENOSYS) return 4;
    // The kernel alone would say EINVAL or EFAULT to these.
    if (errno_of(syscall(SYS_io_uring_setup, 0, nullptr)) != EPERM) return 5;
    if (errno_of(syscall(SYS_bpf, -1, nullptr, 0)) != EPERM) return 6;
    if (errno_of(socket(AF_VSOCK, SOCK_STREAM, 0)) != EPERM) return 7;
    if (errno_of(syscall(SYS_ioctl, 0, TIOCSTI | 0x100000000, "x")) != EPERM) return 8;
    constexpr long kNoSuchCall = 1999;
    return errno_of(syscall(kNoSuchCall)) == ENOSYS ? 0 : 9;
  });
  EXPECT_EQ(end.exit_code, 0);
}

#if defined(__x86_64__)
int GetpidBy32BitCode() {
  int result = 20;  // getpid, as 32-bit code numbers it
  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result;
}

TEST(SeccompFilter, EndsAProcessThatEntersTheKernelBy32BitCode) {
  if (InChild([] { return GetpidBy32BitCode() == getpid() ? 0 : 1; }).exit_code != 0) {
    GTEST_SKIP() << "needs 32bit: this kernel takes no calls of 32-bit code";
  }
  const ChildEnd end = InChild([] {
    if (LoadSeccompFilter() != 0) return 1;
    return GetpidBy32BitCode() > 0 ? 0 : 2;
  });
  EXPECT_EQ(end.signal, SIGSYS) << "exit code " << end.exit_code;
}
#endif

TEST(SeccompFilter, LetsPythonRunProcessesThreadsAndSockets) {
  const std::string program = R"(
import asyncio, mmap, multiprocessing, os, socket, sqlite3, subprocess, tempfile, threading
def square(x): return x * x
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    with multiprocessing.Pool(2) as pool: assert pool.map(square, range(4)) == [0, 1, 4, 9]
    queue = multiprocessing.Queue(); queue.put(1); assert queue.get() == 1
    threads = [threading.Thread(target=square, args=(i,)) for i in range(4)]
    [t.start() for t in threads]; [t.join() for t in threads]
    assert subprocess.run(["/bin/echo", "x"], capture_output=True, check=True).stdout == b"x\n"
    with tempfile.TemporaryFile() as f: f.write(b"y" * 9000); f.flush(); mmap.mmap(f.fileno(), 0).close()
    sqlite3.connect(":memory:").execute("select 1")
    a, b = socket.socketpair(); a.send(b"z"); assert b.recv(1) == b"z"
    with socket.socket() as s: s.bind(("127.0.0.1", 0))
    asyncio.run(asyncio.sleep(0)); os.close(os.memfd_create("m"))
    print("all well")
)";
  const ChildEnd end = RunFiltered({"/usr/bin/python3", "-I", "-c", program});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_THAT(end.output, HasSubstr("all well"));
}

TEST(SeccompFilter, LetsNumpyMultiplyOnItsThreads) {
  if (InChild([] { return Become({"/usr/bin/python3", "-I", "-c", "import numpy"}); }).exit_code != 0) {
    GTEST_SKIP() << "needs demo: /usr/bin/python3 cannot import numpy";
  }
  const ChildEnd end = RunFiltered({"/usr/bin/python3", "-I", "-c", R"(
import numpy
a = numpy.random.default_rng(1).random((300, 300))
assert abs(numpy.linalg.inv(a) @ a - numpy.eye(300)).max() < 1e-6
print("all well"))"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_THAT(end.output, HasSubstr("all well"));
}

struct Tool {
  std::string name;
  std::vector<std::string> argv;
  std::string says;
};

class SeccompFilterLets : public testing::TestWithParam<Tool> {};

TEST_P(SeccompFilterLets, RunThisTool) {
  const Tool& tool = GetParam();
  if (access(tool.argv[0].c_str(), X_OK) != 0)
    GTEST_SKIP() << "needs tools: " << tool.argv[0] << " is not installed";
  const ChildEnd end = RunFiltered(tool.argv);
  EXPECT_EQ(end.exit_code, 0) << end.output;
  EXPECT_THAT(end.output, HasSubstr(tool.says));
}

INSTANTIATE_TEST_SUITE_P(
    Tools, SeccompFilterLets,
    testing::Values(
        Tool{"bash",
             {"/bin/bash", "-euc",
              "x=$(seq 100 | sort -rn | { read -r y; cat >/dev/null; echo $y; }); sleep 0 & wait $!; echo n=$x"},
             "n=100"},
        Tool{"perl",
             {"/usr/bin/perl", "-e", "my $p = fork; if (!$p) { exit 3 } waitpid $p, 0; print 'code ', $? >> 8"},
             "code 3"},
        Tool{"git", {"/usr/bin/git", "--version"}, "git version"},
        Tool{"tar", {"/bin/sh", "-c", "tar -C /etc -cf - passwd | gzip | gzip -d | tar -tf -"}, "passwd"},
        Tool{"strace", {"/usr/bin/strace", "-f", "-o", "/dev/null", "/bin/sh", "-c", "/bin/echo traced"}, "traced"},
        Tool{"gdb", {"/usr/bin/gdb", "-nx", "-batch", "-ex", "run", "--args", "/bin/echo", "debugged"}, "debugged"},
        Tool{"setarch", {"/usr/bin/setarch", "-R", "/bin/echo", "fixed addresses"}, "fixed addresses"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace fumehood
