#include "src/hood/seccomp_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "src/hood/seccomp_programs.h"

namespace fumehood {

static_assert(sizeof(BpfInstruction) == sizeof(sock_filter) && offsetof(BpfInstruction, code) == offsetof(sock_filter, code) &&
              offsetof(BpfInstruction, jump_true) == offsetof(sock_filter, jt) &&
              offsetof(BpfInstruction, jump_false) == offsetof(sock_filter, jf) &&
              offsetof(BpfInstruction, operand) == offsetof(sock_filter, k));

std::span<const BpfInstruction> SeccompProgramFor(SeccompArchitecture architecture) {
  if (architecture == SeccompArchitecture::kX86_64) return kSeccompX86_64;
  return kSeccompAArch64;
}

std::span<const BpfInstruction> SeccompProgram() {
#if defined(__x86_64__) && !defined(__ILP32__)
  return SeccompProgramFor(SeccompArchitecture::kX86_64);
#elif defined(__AARCH64EL__)
  return SeccompProgramFor(SeccompArchitecture::kAArch64);
#else
#error "no system call policy for this architecture: add it to src/hood/seccomp_policy.h"
#endif
}

int LoadSeccompFilter() {
  // With CAP_SYS_ADMIN the kernel would load the filter without it, and set-user-ID programs would then run behind a filter
  // that they do not expect.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  struct Program {  // the kernel's struct sock_fprog, but for const
    unsigned short count;
    const BpfInstruction* instructions;
  };
  static_assert(sizeof(Program) == sizeof(sock_fprog) && offsetof(Program, instructions) == offsetof(sock_fprog, filter));
  const std::span<const BpfInstruction> filter = SeccompProgram();
  const Program program = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return errno;
  return 0;
}

}  // namespace fumehood
