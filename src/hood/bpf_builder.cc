#include "src/hood/bpf_builder.h"

#include <linux/filter.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace fumehood {
namespace {

// Jumps skip 255 instructions at most. Two less: a relay for each branch may come between the check and the jump.
constexpr size_t kLongestJump = std::numeric_limits<uint8_t>::max() - 2;

}  // namespace

BpfBuilder::Label BpfBuilder::Lay(BpfInstruction instruction) {
  reversed_.push_back(instruction);
  return reversed_.size() - 1;
}

BpfBuilder::Label BpfBuilder::Return(uint32_t action) {
  const auto known = returns_.find(action);
  if (known != returns_.end()) return known->second;
  return returns_[action] = Lay({BPF_RET | BPF_K, 0, 0, action});
}

BpfBuilder::Label BpfBuilder::And(uint32_t mask) { return Lay({BPF_ALU | BPF_AND | BPF_K, 0, 0, mask}); }

BpfBuilder::Label BpfBuilder::Load(size_t offset) { return Lay({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(offset)}); }

BpfBuilder::Label BpfBuilder::JumpIfEqual(uint32_t operand, Label if_true, Label if_false) {
  return Jump(BPF_JEQ, operand, if_true, if_false);
}

BpfBuilder::Label BpfBuilder::JumpIfAtLeast(uint32_t operand, Label if_true, Label if_false) {
  return Jump(BPF_JGE, operand, if_true, if_false);
}

BpfBuilder::Label BpfBuilder::Jump(uint16_t comparison, uint32_t operand, Label if_true, Label if_false) {
  const Label near_true = Near(if_true);
  const Label near_false = Near(if_false);
  const auto distance = [this](Label target) { return static_cast<uint8_t>(reversed_.size() - target - 1); };
  return Lay({static_cast<uint16_t>(BPF_JMP | comparison | BPF_K), distance(near_true), distance(near_false), operand});
}

// The target itself, or a relay to it within reach: for a verdict the verdict once more.
BpfBuilder::Label BpfBuilder::Near(Label target) {
  const size_t distance = reversed_.size() - target - 1;
  if (distance <= kLongestJump) return target;
  const BpfInstruction there = reversed_[target];
  if (there.code != (BPF_RET | BPF_K)) return Lay({BPF_JMP | BPF_JA, 0, 0, static_cast<uint32_t>(distance)});
  return returns_[there.operand] = Lay(there);
}

std::vector<BpfInstruction> BpfBuilder::Finish() && {
  std::reverse(reversed_.begin(), reversed_.end());
  return std::move(reversed_);
}

}  // namespace fumehood
