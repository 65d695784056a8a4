// Builds a BPF program from its end to its start: each instruction is laid before those that it leads to, so that every jump's
// target is known when the jump is made, and verdicts are shared by all who end there. Short programs load faster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "src/hood/bpf_program.h"

namespace fumehood {

class BpfBuilder {
 public:
  using Label = size_t;  // an instruction, counted from the end of the program

  Label Return(uint32_t action);
  Label JumpIfEqual(uint32_t operand, Label if_true, Label if_false);
  Label JumpIfAtLeast(uint32_t operand, Label if_true, Label if_false);
  // These two run on into whatever was laid last.
  Label And(uint32_t mask);
  Label Load(size_t offset);

  std::vector<BpfInstruction> Finish() &&;

 private:
  Label Lay(BpfInstruction instruction);
  Label Jump(uint16_t comparison, uint32_t operand, Label if_true, Label if_false);
  Label Near(Label target);

  std::vector<BpfInstruction> reversed_;
  std::map<uint32_t, Label> returns_;
};

}  // namespace fumehood
