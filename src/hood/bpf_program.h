// Classic BPF as the kernel takes it for seccomp, in plain types: the policy is compiled to it when Fumehood is built, tests
// interpret it, and a launch hands it to the kernel as it lies there.
#pragma once

#include <cstdint>

namespace fumehood {

struct BpfInstruction {  // the kernel's struct sock_filter, checked where it is loaded
  uint16_t code;
  uint8_t jump_true;   // instructions to skip
  uint8_t jump_false;
  uint32_t operand;
  bool operator==(const BpfInstruction&) const = default;
};

// The question that the kernel asks the program before each system call: its struct seccomp_data.
struct SystemCall {
  uint32_t number;
  uint32_t architecture;  // AUDIT_ARCH_*
  uint64_t instruction_pointer;
  uint64_t arguments[6];
};

}  // namespace fumehood
