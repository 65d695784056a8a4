// The numbers of system calls as libseccomp knows them. In a header because only the generator and the tests link that
// library: nothing that is installed does.
#pragma once

#include <seccomp.h>

#include <optional>
#include <string>
#include <string_view>

#include "src/hood/seccomp_assembler.h"

namespace fumehood {

inline uint32_t LibseccompArchitecture(SeccompArchitecture architecture) {
  return architecture == SeccompArchitecture::kX86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;
}

inline CallNumberOf LibseccompNumbers(SeccompArchitecture architecture) {
  return [arch = LibseccompArchitecture(architecture)](std::string_view call) -> std::optional<int> {
    const int number = seccomp_syscall_resolve_name_arch(arch, std::string(call).c_str());
    if (number == __NR_SCMP_ERROR) return std::nullopt;
    return number;  // negative for a call of other architectures only
  };
}

}  // namespace fumehood
