// Turns the policy into a BPF program: a binary search over ranges of call numbers with one verdict each, so that the path
// through it is short for every call. The length of that path is what loading costs: the kernel walks the program once for
// each call number that exists, to learn which calls it need not ask about.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/hood/bpf_program.h"
#include "src/hood/seccomp_policy.h"

namespace fumehood {

// The number of a call; negative: this architecture has no such call; empty: the name is unknown.
using CallNumberOf = std::function<std::optional<int>(std::string_view call)>;

// An error names what is wrong with the policy: a name that nobody knows, a call with two verdicts, a number that is not the
// library's.
Result<std::vector<BpfInstruction>> AssembleSeccomp(const SeccompPolicy& policy, SeccompArchitecture architecture,
                                                    const CallNumberOf& number_of);

}  // namespace fumehood
