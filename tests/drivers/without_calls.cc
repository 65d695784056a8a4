// without_calls ERROR CALL,... -- COMMAND...: runs a command, and all that it starts, on a kernel that denies these calls.
//
// For the suites alone, which have to see what Fumehood does where a kernel is older, or lies below the filter of a container.
// ERROR is ENOSYS, as of a kernel that lacks a call, or EPERM, as of a container that forbids it. Beside system calls there is
// `namespaces`: clone and unshare are denied the flags that make one, as container engines do it.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "src/base/text.h"

namespace fumehood {
namespace {

struct Call {
  const char* name;
  uint32_t number;
};

constexpr Call kCalls[] = {
    {"clone3", SYS_clone3},
    {"close_range", SYS_close_range},
    {"copy_file_range", SYS_copy_file_range},
    {"fsconfig", SYS_fsconfig},
    {"fsmount", SYS_fsmount},
    {"fsopen", SYS_fsopen},
    {"keyctl", SYS_keyctl},
    {"landlock_create_ruleset", SYS_landlock_create_ruleset},
    {"memfd_create", SYS_memfd_create},
    {"mount_setattr", SYS_mount_setattr},
    {"move_mount", SYS_move_mount},
    {"open_tree", SYS_open_tree},
    {"openat2", SYS_openat2},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"pivot_root", SYS_pivot_root},
    {"renameat2", SYS_renameat2},
    {"seccomp", SYS_seccomp},
    {"statx", SYS_statx},
    {"unshare", SYS_unshare},
};

constexpr uint32_t kNamespaceFlags =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

sock_filter Load(size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
sock_filter Answer(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }

// Jumps over the `count` instructions that follow unless the loaded word is `value`.
sock_filter SkipUnless(uint32_t value, uint8_t count) { return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count); }

using Program = std::vector<sock_filter>;

void Deny(Program& program, uint32_t number, uint32_t error) {
  program.push_back(SkipUnless(number, 1));
  program.push_back(Answer(SECCOMP_RET_ERRNO | error));
}

// The flags are the first argument of both; its low half is enough, since they have 32 bits.
void DenyFlags(Program& program, uint32_t number, uint32_t error) {
  program.push_back(SkipUnless(number, 4));
  program.push_back(Load(offsetof(seccomp_data, args[0])));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kNamespaceFlags, 0, 1));
  program.push_back(Answer(SECCOMP_RET_ERRNO | error));
  program.push_back(Answer(SECCOMP_RET_ALLOW));
}

bool DenyByName(Program& program, const std::string& name, uint32_t error) {
  if (name == "namespaces") {
    DenyFlags(program, SYS_clone, error);
    DenyFlags(program, SYS_unshare, error);
    Deny(program, SYS_clone3, ENOSYS);  // its flags lie in memory, where no filter can look
    return true;
  }
  for (const Call& call : kCalls) {
    if (name != call.name) continue;
    Deny(program, call.number, error);
    return true;
  }
  (void)fprintf(stderr, "without_calls: there is no call %s in its list\n", name.c_str());
  return false;
}

bool Install(Program& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  // Only who may not do it otherwise promises to gain no privileges: root's programs are to run as they do without this.
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0) return true;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0) return true;
  perror("without_calls: load the filter");
  return false;
}

int Main(int argc, char** argv) {
  const bool forbidden = argc > 4 && strcmp(argv[1], "EPERM") == 0;
  if (argc < 5 || strcmp(argv[3], "--") != 0 || (!forbidden && strcmp(argv[1], "ENOSYS") != 0)) {
    (void)fprintf(stderr, "usage: without_calls ENOSYS|EPERM CALL,... -- COMMAND...\n");
    return 2;
  }
  Program program = {Load(offsetof(seccomp_data, nr))};
  for (const std::string& name : Split(argv[2], ',')) {
    if (!DenyByName(program, name, forbidden ? EPERM : ENOSYS)) return 2;
  }
  program.push_back(Answer(SECCOMP_RET_ALLOW));
  if (!Install(program)) return 2;
  execvp(argv[4], argv + 4);
  perror(argv[4]);
  return 127;
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) { return fumehood::Main(argc, argv); }
