// Runs a BPF program on a made-up system call, as the kernel would: so that a policy can be asked questions without being
// loaded. For tests, and for whoever wants to show what a filter does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "src/hood/bpf_program.h"

namespace fumehood {

struct BpfAnswer {
  uint32_t action;  // SECCOMP_RET_*
  size_t steps;     // instructions executed
};

// Empty for a program that the kernel would not take: a jump past the end, an unknown instruction, no return.
std::optional<BpfAnswer> InterpretBpf(std::span<const BpfInstruction> program, const SystemCall& call);

}  // namespace fumehood
