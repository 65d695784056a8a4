// The system call filter as the kernel takes it. The policy behind it: seccomp_policy.h.
#pragma once

#include <span>

#include "src/hood/bpf_program.h"
#include "src/hood/seccomp_policy.h"

namespace fumehood {

std::span<const BpfInstruction> SeccompProgramFor(SeccompArchitecture architecture);
std::span<const BpfInstruction> SeccompProgram();  // of the architecture that this is built for

// Puts the calling thread, and all it starts from now on, behind the filter, for ever. Sets no_new_privs first, whoever calls.
// Async-signal-safe. 0, or an errno: EINVAL, ENOSYS where the kernel has no seccomp filters.
int LoadSeccompFilter();

}  // namespace fumehood
