#include "src/hood/seccomp_policy.h"

#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "src/hood/bpf_interpreter.h"
#include "src/hood/seccomp_filter.h"
#include "src/hood/seccomp_numbers.h"

namespace fumehood {
namespace {

constexpr uint32_t kAllowed = SECCOMP_RET_ALLOW;
constexpr uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kAbsent = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t kUnfit = SECCOMP_RET_ERRNO | EOPNOTSUPP;
constexpr uint64_t kRubbishAbove = 0xdeadbeef00000000;

class SeccompPolicyOn : public testing::TestWithParam<SeccompArchitecture> {
 protected:
  std::optional<int> NumberOf(const char* call) const {
    // Too new for the library that the tests may be built with.
    for (const NumberedCall& numbered : RunSeccompPolicy().numbers) {
      if (numbered.call == call) return static_cast<int>(numbered.number);
    }
    return LibseccompNumbers(GetParam())(call);
  }

  uint32_t AskNumber(uint32_t number, std::vector<uint64_t> arguments = {}) const {
    SystemCall call = {number, audit(), 0, {}};
    std::copy(arguments.begin(), arguments.end(), call.arguments);
    const auto answer = InterpretBpf(SeccompProgramFor(GetParam()), call);
    EXPECT_TRUE(answer.has_value());
    return answer ? answer->action : 0;
  }

  // The answer to a call that this architecture lacks counts as whatever was hoped for: -1.
  uint32_t Ask(const char* call, std::vector<uint64_t> arguments = {}) const {
    const std::optional<int> number = NumberOf(call);
    EXPECT_TRUE(number.has_value()) << call;
    return number && *number >= 0 ? AskNumber(static_cast<uint32_t>(*number), std::move(arguments)) : ~0U;
  }

  void ExpectEach(const std::vector<const char*>& calls, uint32_t action) const {
    for (const char* call : calls) {
      const uint32_t answer = Ask(call);
      EXPECT_TRUE(answer == action || answer == ~0U) << call << " answers " << answer;
    }
  }

  uint32_t audit() const { return GetParam() == SeccompArchitecture::kX86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64; }
};

INSTANTIATE_TEST_SUITE_P(Architectures, SeccompPolicyOn,
                         testing::Values(SeccompArchitecture::kX86_64, SeccompArchitecture::kAArch64),
                         [](const auto& test) { return test.param == SeccompArchitecture::kX86_64 ? "x86_64" : "aarch64"; });

TEST_P(SeccompPolicyOn, AllowsWhatInterpretersAndLibrariesNeed) {
  ExpectEach({"read",
              "write",
              "openat",
              "open",
              "mmap",
              "execve",
              "fork",
              "vfork",
              "wait4",
              "waitid",
              "kill",
              "ppoll",
              "exit_group",
              "futex",
              "rseq",
              "membarrier",
              "memfd_create",
              "inotify_init1",
              "epoll_pwait2",
              "signalfd4",
              "timerfd_create",
              "eventfd2",
              "shmget",
              "semtimedop",
              "mq_open",
              "mlock2",
              "sched_setaffinity",
              "set_mempolicy",
              "mbind",
              "get_mempolicy",
              "ptrace",
              "process_vm_readv",
              "process_vm_writev",
              "landlock_restrict_self",
              "pidfd_open",
              "set_robust_list",
              "prlimit64",
              "getrandom",
              "fchmodat2",
              "futex_waitv",
              "setresuid",
              "capset",
              "arch_prctl",
              "copy_file_range",
              "statx",
              "rt_sigreturn"},
             kAllowed);
}

TEST_P(SeccompPolicyOn, RefusesWhatTouchesTheHost) {
  ExpectEach({"mount",
              "umount2",
              "pivot_root",
              "chroot",
              "setns",
              "open_tree",
              "move_mount",
              "fsopen",
              "fsconfig",
              "fsmount",
              "fspick",
              "mount_setattr",
              "open_tree_attr",
              "kexec_load",
              "kexec_file_load",
              "bpf",
              "perf_event_open",
              "userfaultfd",
              "io_uring_setup",
              "io_uring_enter",
              "io_uring_register",
              "keyctl",
              "add_key",
              "request_key",
              "init_module",
              "finit_module",
              "delete_module",
              "open_by_handle_at",
              "name_to_handle_at",
              "clock_settime",
              "settimeofday",
              "clock_adjtime",
              "adjtimex",
              "reboot",
              "swapon",
              "swapoff",
              "quotactl",
              "quotactl_fd",
              "acct",
              "iopl",
              "ioperm",
              "syslog",
              "lookup_dcookie",
              "vhangup",
              "fanotify_init",
              "fanotify_mark",
              "pidfd_getfd",
              "file_setattr",
              "sethostname",
              "setdomainname",
              "kcmp"},
             kRefused);
}

TEST_P(SeccompPolicyOn, AnswersThatACallIsMissingWhereProgramsFallBack) {
  ExpectEach({"clone3", "io_setup", "nfsservctl"}, kAbsent);
}

TEST_P(SeccompPolicyOn, LetsCloneMakeThreadsButNoNamespace) {
  const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
  EXPECT_EQ(Ask("clone", {thread}), kAllowed);
  EXPECT_EQ(Ask("clone", {CLONE_VM | CLONE_VFORK | SIGCHLD}), kAllowed);
  EXPECT_EQ(Ask("unshare", {CLONE_FILES | CLONE_FS}), kAllowed);
  for (const uint64_t flag : std::initializer_list<uint64_t>{CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                                             CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    EXPECT_EQ(Ask("clone", {flag | SIGCHLD}), kRefused) << flag;
    EXPECT_EQ(Ask("clone", {flag | thread | kRubbishAbove}), kRefused) << flag;
    EXPECT_EQ(Ask("unshare", {flag}), kRefused) << flag;
  }
  constexpr uint64_t kNewTime = 0x80;
  EXPECT_EQ(Ask("unshare", {kNewTime}), kRefused);
}

TEST_P(SeccompPolicyOn, MakesLocalAndInternetSocketsAndNothingRaw) {
  struct Question {
    uint64_t family, type, protocol;
    uint32_t answer;
  };
  const Question questions[] = {
      {AF_UNIX, SOCK_STREAM, 0, kAllowed},
      {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, kAllowed},
      {AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP, kAllowed},
      {AF_INET, SOCK_DGRAM, IPPROTO_UDP, kAllowed},
      {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, kAllowed},
      {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0, kAllowed},
      {AF_INET6 | kRubbishAbove, SOCK_DGRAM, IPPROTO_ICMPV6, kAllowed},
      {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0, kAllowed},
      {AF_NETLINK, SOCK_RAW, 9, kRefused},  // audit
      {AF_NETLINK, SOCK_RAW, 12, kRefused},  // netfilter
      {AF_INET, SOCK_RAW, IPPROTO_ICMP, kRefused},
      {AF_INET, SOCK_RAW | SOCK_CLOEXEC | kRubbishAbove, IPPROTO_TCP, kRefused},
      {AF_INET6, SOCK_RAW | SOCK_NONBLOCK, 0, kRefused},
      {AF_INET, SOCK_PACKET, 0, kRefused},
      {AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, kRefused},
      {AF_INET, SOCK_STREAM, 262, kRefused},  // MPTCP
      {AF_INET, SOCK_DGRAM, 115, kRefused},   // L2TP
      {AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, kRefused},
      {AF_PACKET, SOCK_RAW, 0, kRefused},
      {AF_PACKET | kRubbishAbove, SOCK_DGRAM, 0, kRefused},
      {AF_VSOCK, SOCK_STREAM, 0, kRefused},
      {AF_ALG, SOCK_SEQPACKET, 0, kRefused},
      {AF_BLUETOOTH, SOCK_RAW, 0, kRefused},
      {AF_UNSPEC, SOCK_STREAM, 0, kRefused},
      {AF_XDP, SOCK_RAW, 0, kRefused},
  };
  for (const Question& q : questions) {
    EXPECT_EQ(Ask("socket", {q.family, q.type, q.protocol}), q.answer) << q.family << " " << q.type << " " << q.protocol;
  }
  EXPECT_EQ(Ask("socketpair", {AF_UNIX, SOCK_STREAM, 0}), kAllowed);
  EXPECT_EQ(Ask("socketpair", {AF_TIPC, SOCK_STREAM, 0}), kRefused);
}

TEST_P(SeccompPolicyOn, RefusesIoctlsThatPushInputWhateverTheirUpperHalf) {
  constexpr uint64_t kTiocsti = 0x5412, kTioclinux = 0x541c, kTiocsetd = 0x5423, kFsSetXattr = 0x401c5820;
  for (const uint64_t request : {kTiocsti, kTioclinux, kTiocsetd, kFsSetXattr}) {
    EXPECT_EQ(Ask("ioctl", {0, request}), kRefused) << request;
    EXPECT_EQ(Ask("ioctl", {0, request | kRubbishAbove}), kRefused) << request;
  }
  constexpr uint64_t kTcgets = 0x5401, kTiocgwinsz = 0x5413, kTiocsctty = 0x540e, kFionread = 0x541b, kFioclex = 0x5451;
  for (const uint64_t request : {kTcgets, kTiocgwinsz, kTiocsctty, kFionread, kFioclex}) {
    EXPECT_EQ(Ask("ioctl", {0, request}), kAllowed) << request;
  }
}

TEST_P(SeccompPolicyOn, FiltersTheRestByTheirArguments) {
  EXPECT_EQ(Ask("personality", {0}), kAllowed);
  EXPECT_EQ(Ask("personality", {ADDR_NO_RANDOMIZE}), kAllowed);
  EXPECT_EQ(Ask("personality", {0xffffffff}), kAllowed);
  EXPECT_EQ(Ask("personality", {READ_IMPLIES_EXEC}), kRefused);
  EXPECT_EQ(Ask("personality", {READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | kRubbishAbove}), kRefused);
  EXPECT_EQ(Ask("prctl", {PR_SET_NAME}), kAllowed);
  EXPECT_EQ(Ask("prctl", {PR_SET_PTRACER}), kAllowed);
  EXPECT_EQ(Ask("prctl", {PR_SET_MM | kRubbishAbove}), kRefused);
  EXPECT_EQ(Ask("seccomp", {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC}), kAllowed);
  EXPECT_EQ(Ask("seccomp", {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC}), kRefused);
  for (const uint64_t taking : {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_UNSHARE_RANGE}) {
    EXPECT_EQ(Ask("fallocate", {0, taking}), kUnfit) << taking;
  }
  EXPECT_EQ(Ask("fallocate", {0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE}), kAllowed);
  EXPECT_EQ(Ask("mknodat", {0, 0, S_IFIFO | 0600}), kAllowed);
  EXPECT_EQ(Ask("mknodat", {0, 0, S_IFCHR | 0600}), kRefused);
  EXPECT_EQ(Ask("mknodat", {0, 0, S_IFBLK | 0600 | kRubbishAbove}), kRefused);
  if (GetParam() == SeccompArchitecture::kX86_64) {
    EXPECT_EQ(Ask("mknod", {0, S_IFREG | 0600}), kAllowed);
    EXPECT_EQ(Ask("mknod", {0, S_IFCHR | 0600}), kRefused);
  }
}

TEST_P(SeccompPolicyOn, KillsCallsThroughAnotherArchitecture) {
  const auto program = SeccompProgramFor(GetParam());
  for (const uint32_t foreign : std::initializer_list<uint32_t>{AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, 0, ~0U}) {
    for (uint32_t number = 0; number <= kLastReviewedCall; ++number) {
      const auto answer = InterpretBpf(program, {number, foreign, 0, {}});
      ASSERT_TRUE(answer && answer->action == SECCOMP_RET_KILL_PROCESS) << foreign << " " << number;
    }
  }
}

TEST_P(SeccompPolicyOn, KnowsNoX32Call) {
  constexpr uint32_t kX32 = 0x40000000;
  for (uint32_t number = 0; number <= kLastReviewedCall + 200; ++number) ASSERT_EQ(AskNumber(kX32 | number), kAbsent) << number;
  EXPECT_EQ(AskNumber(~0U), kAbsent);
}

// What the library knows is as good as all calls there are: none may have been forgotten in the table, on either side.
TEST_P(SeccompPolicyOn, HasAVerdictForEachCallThatExists) {
  std::set<std::string> listed;
  const SeccompPolicy policy = RunSeccompPolicy();
  for (const CallGroup& group : policy.groups) listed.insert(group.calls.begin(), group.calls.end());
  for (const ConditionalCall& condition : policy.conditions) listed.insert(std::string(condition.call));
  size_t known = 0;
  for (uint32_t number = 0; number <= kLastReviewedCall; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(LibseccompArchitecture(GetParam()), static_cast<int>(number));
    if (name == nullptr) continue;
    ++known;
    EXPECT_TRUE(listed.count(name) == 1) << name << " (" << number << ") is in no group";
    free(name);
  }
  EXPECT_GT(known, 300U);
}

TEST_P(SeccompPolicyOn, AllowsNoCallThatTheTableDoesNot) {
  std::set<uint32_t> may_be_allowed;
  const SeccompPolicy policy = RunSeccompPolicy();
  const auto add = [&](std::string_view call) {
    const auto number = NumberOf(std::string(call).c_str());
    ASSERT_TRUE(number.has_value()) << call;
    if (*number >= 0) may_be_allowed.insert(static_cast<uint32_t>(*number));
  };
  for (const CallGroup& group : policy.groups) {
    if (group.verdict == Verdict::kAllow) std::for_each(group.calls.begin(), group.calls.end(), add);
  }
  for (const ConditionalCall& condition : policy.conditions) add(condition.call);
  std::vector<uint32_t> others;
  for (uint32_t number = 0; number < 2000; ++number) {
    if (may_be_allowed.count(number) == 0) others.push_back(number);
  }
  const auto refused_whatever_the_arguments = [&](const std::array<uint64_t, 6>& arguments) {
    for (const uint32_t number : others) RC_ASSERT(AskNumber(number, {arguments.begin(), arguments.end()}) != kAllowed);
    const uint32_t large = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint32_t>(2000, ~0U));
    RC_ASSERT(AskNumber(large, {arguments.begin(), arguments.end()}) != kAllowed);
  };
  EXPECT_TRUE(rc::check("no other number is allowed", refused_whatever_the_arguments));
}

// Length and depth are what loading costs at each launch: the bounds are those of a binary search, with room to grow.
TEST_P(SeccompPolicyOn, IsShortAndShallow) {
  const auto program = SeccompProgramFor(GetParam());
  size_t deepest = 0;
  size_t sum = 0;
  for (uint32_t number = 0; number <= kLastReviewedCall; ++number) {
    const auto answer = InterpretBpf(program, {number, audit(), 0, {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL}});
    ASSERT_TRUE(answer.has_value());
    deepest = std::max(deepest, answer->steps);
    sum += answer->steps;
  }
  fmt::print("{} instructions; at most {} a call, {:.1f} on average\n", program.size(), deepest,
             static_cast<double>(sum) / (kLastReviewedCall + 1));
  EXPECT_LE(program.size(), 200U);
  EXPECT_LE(deepest, 32U);
}

}  // namespace
}  // namespace fumehood
