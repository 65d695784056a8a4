#include "src/hood/kernel_calls.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/privilege.h"

namespace fumehood {
namespace {

constexpr long kNoFd = -1;
constexpr long kNoSuchFlag = 0x40000000;
constexpr const char* kFiles = "the record's files";
constexpr const char* kMounts = "filesystem";
constexpr const char* kKill = "kill";

struct Need {
  const char* name;
  const char* layer;
  bool checks_privilege_first;  // EPERM then says nothing about the run of who has none
  long (*call)();
};

// Each fails, by arguments that no kernel takes, before it does anything; those that succeed do nothing either.
constexpr Need kNeeds[] = {
    {"clone3", "namespaces", false, [] { return syscall(SYS_clone3, nullptr, 0); }},
    {"close_range", "leftovers", false, [] { return syscall(SYS_close_range, 1, 0, 0); }},
    {"fsconfig", kMounts, false, [] { return syscall(SYS_fsconfig, kNoFd, 0, nullptr, nullptr, 0); }},
    {"fsmount", kMounts, true, [] { return syscall(SYS_fsmount, kNoFd, kNoSuchFlag, 0); }},
    {"fsopen", kMounts, true, [] { return syscall(SYS_fsopen, nullptr, kNoSuchFlag); }},
    {"mount_setattr", kMounts, true, [] { return syscall(SYS_mount_setattr, kNoFd, nullptr, kNoSuchFlag, nullptr, 0); }},
    {"move_mount", kMounts, true, [] { return syscall(SYS_move_mount, kNoFd, nullptr, kNoFd, nullptr, kNoSuchFlag); }},
    {"open_tree", kMounts, true, [] { return syscall(SYS_open_tree, kNoFd, nullptr, kNoSuchFlag); }},
    {"openat2", kFiles, false, [] { return syscall(SYS_openat2, kNoFd, nullptr, nullptr, 0); }},
    {"pidfd_open", kKill, false, [] { return syscall(SYS_pidfd_open, -1, 0); }},
    {"pidfd_send_signal", kKill, false, [] { return syscall(SYS_pidfd_send_signal, kNoFd, 0, nullptr, 0); }},
    {"pivot_root", kMounts, true, [] { return syscall(SYS_pivot_root, nullptr, nullptr); }},
    {"renameat2", kFiles, false, [] { return syscall(SYS_renameat2, kNoFd, nullptr, kNoFd, nullptr, kNoSuchFlag); }},
    {"seccomp", "seccomp", false, [] {
       const uint32_t action = SECCOMP_RET_ERRNO;
       return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
     }},
    {"unshare", "namespaces", false, [] { return syscall(SYS_unshare, 0); }},
};

bool IsRefusal(const Need& need, int error) {
  if (error == EPERM || error == EACCES) return !need.checks_privilege_first || IsPrivileged();
  return error == ENOSYS;
}

}  // namespace

std::vector<RefusedCall> RefusedCalls() {
  std::vector<RefusedCall> refused;
  for (const Need& need : kNeeds) {
    if (need.call() >= 0) continue;
    const int error = errno;
    if (IsRefusal(need, error)) refused.push_back({need.name, need.layer, error});
  }
  return refused;
}

std::string MendCalls(const std::vector<RefusedCall>& refused) {
  const bool lacking = std::any_of(refused.begin(), refused.end(), [](const RefusedCall& call) { return call.error == ENOSYS; });
  return fmt::format("{}inside a container, run on the host itself or start the container with --privileged",
                     lacking ? "boot Linux 5.14 or newer; " : "");
}

Result<void> CheckKernelCalls() {
  static const std::vector<RefusedCall> refused = RefusedCalls();
  if (refused.empty()) return {};
  std::vector<std::string> calls;
  for (const RefusedCall& call : refused) calls.push_back(fmt::format("{} ({}: {})", call.name, call.layer, ErrnoText(call.error)));
  return Error(ErrorCode::kUnsupported, fmt::format("the hood cannot be put up here, since this kernel, or a filter around this program, "
                                                    "refuses what it is made with: {}. What helps: {}. See `fumehood doctor`",
                                                    Join(calls, ", "), MendCalls(refused)));
}

}  // namespace fumehood
