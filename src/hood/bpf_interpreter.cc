#include "src/hood/bpf_interpreter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>

namespace fumehood {
namespace {

static_assert(sizeof(SystemCall) == sizeof(seccomp_data) && offsetof(SystemCall, architecture) == offsetof(seccomp_data, arch) &&
              offsetof(SystemCall, arguments) == offsetof(seccomp_data, args));

std::optional<uint32_t> LoadWord(const SystemCall& call, uint32_t offset) {
  if (offset % sizeof(uint32_t) != 0 || offset >= sizeof call) return std::nullopt;
  uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&call) + offset, sizeof word);
  return word;
}

std::optional<bool> Compare(uint16_t code, uint32_t accumulator, uint32_t operand) {
  switch (code) {
    case BPF_JMP | BPF_JEQ | BPF_K: return accumulator == operand;
    case BPF_JMP | BPF_JGE | BPF_K: return accumulator >= operand;
    case BPF_JMP | BPF_JGT | BPF_K: return accumulator > operand;
    case BPF_JMP | BPF_JSET | BPF_K: return (accumulator & operand) != 0;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<BpfAnswer> InterpretBpf(std::span<const BpfInstruction> program, const SystemCall& call) {
  uint32_t accumulator = 0;
  size_t steps = 0;
  // Jumps only lead forward, so that each program ends.
  for (size_t at = 0; at < program.size(); ++at) {
    const BpfInstruction& instruction = program[at];
    ++steps;
    switch (instruction.code) {
      case BPF_RET | BPF_K: return BpfAnswer{instruction.operand, steps};
      case BPF_JMP | BPF_JA: at += instruction.operand; continue;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= instruction.operand; continue;
      case BPF_LD | BPF_W | BPF_ABS: {
        const std::optional<uint32_t> word = LoadWord(call, instruction.operand);
        if (!word) return std::nullopt;
        accumulator = *word;
        continue;
      }
      default: break;
    }
    const std::optional<bool> holds = Compare(instruction.code, accumulator, instruction.operand);
    if (!holds) return std::nullopt;
    at += *holds ? instruction.jump_true : instruction.jump_false;
  }
  return std::nullopt;
}

}  // namespace fumehood
