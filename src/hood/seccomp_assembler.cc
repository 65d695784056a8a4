#include "src/hood/seccomp_assembler.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "src/hood/bpf_builder.h"

namespace fumehood {
namespace {

using Label = BpfBuilder::Label;

// What the program says to one call: `condition` where there is one, else the verdict.
struct Answer {
  Verdict verdict = Verdict::kAbsent;
  const ConditionalCall* condition = nullptr;  // the policy's
  bool operator==(const Answer&) const = default;
};

using AnswerByNumber = std::map<uint32_t, Answer>;

struct Range {
  uint32_t start;  // ends where the next one starts
  Answer answer;
};

// Names become numbers; what is numbered by hand must be what the library says, where it knows the name.
class Numbering {
 public:
  Numbering(const SeccompPolicy& policy, const CallNumberOf& number_of) : number_of_(number_of) {
    for (const NumberedCall& call : policy.numbers) numbers_[call.call] = static_cast<int>(call.number);
  }

  Result<int> Of(std::string_view call) const {
    const std::optional<int> theirs = number_of_(call);
    const auto ours = numbers_.find(call);
    if (ours == numbers_.end()) {
      if (!theirs) return Error(ErrorCode::kInvalidArgument, fmt::format("no system call is named '{}'", call));
      return *theirs;
    }
    if (theirs && *theirs < 0) return *theirs;  // not on this architecture
    if (theirs && *theirs != ours->second) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("system call '{}' has number {}, not {}", call, *theirs, ours->second));
    }
    return ours->second;
  }

 private:
  const CallNumberOf& number_of_;  // outlives this
  std::map<std::string_view, int> numbers_;
};

Result<void> AddAnswer(const Numbering& numbering, std::string_view call, Answer answer, AnswerByNumber* answers) {
  FH_ASSIGN_OR_RETURN(const int number, numbering.Of(call));
  if (number < 0) return {};
  if (!answers->emplace(static_cast<uint32_t>(number), answer).second) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("system call '{}' has two verdicts", call));
  }
  return {};
}

Result<AnswerByNumber> AnswersOf(const SeccompPolicy& policy, const Numbering& numbering) {
  AnswerByNumber answers;
  for (const CallGroup& group : policy.groups) {
    for (const std::string_view call : group.calls) FH_TRY(AddAnswer(numbering, call, {group.verdict, nullptr}, &answers));
  }
  for (const ConditionalCall& condition : policy.conditions) {
    FH_TRY(AddAnswer(numbering, condition.call, {condition.otherwise, &condition}, &answers));
  }
  return answers;
}

std::vector<Range> RangesOf(const AnswerByNumber& answers) {
  std::vector<Range> ranges;
  const auto begin = [&ranges](uint32_t start, const Answer& answer) {
    if (ranges.empty() || ranges.back().answer != answer) ranges.push_back({start, answer});
  };
  uint32_t next = 0;
  for (const auto& [number, answer] : answers) {
    if (number > next) begin(next, Answer());
    begin(number, answer);
    next = number + 1;
  }
  begin(next, Answer());
  return ranges;
}

// One range, or three of which the middle one is a single call among others of another verdict: one comparison instead of two.
using Leaf = std::span<const Range>;

std::vector<Leaf> LeavesOf(std::span<const Range> ranges) {
  std::vector<Leaf> leaves;
  while (!ranges.empty()) {
    const bool exception =
        ranges.size() >= 3 && ranges[1].start + 1 == ranges[2].start && ranges[0].answer == ranges[2].answer;
    const size_t count = exception ? 3 : 1;
    leaves.push_back(ranges.first(count));
    ranges = ranges.subspan(count);
  }
  return leaves;
}

class Assembler {
 public:
  std::vector<BpfInstruction> Assemble(std::span<const Range> ranges, uint32_t architecture) && {
    const std::vector<Leaf> leaves = LeavesOf(ranges);
    (void)Search(leaves);  // was laid last: the load runs on into it
    const Label start = builder_.Load(offsetof(struct seccomp_data, nr));
    builder_.JumpIfEqual(architecture, start, builder_.Return(SECCOMP_RET_KILL_PROCESS));
    builder_.Load(offsetof(struct seccomp_data, arch));
    return std::move(builder_).Finish();
  }

 private:
  using Alternatives = std::vector<std::span<const ArgumentTest>>;

  Label Search(std::span<const Leaf> leaves) {
    if (leaves.size() == 1) return Say(leaves[0]);
    const size_t middle = leaves.size() / 2;
    const Label above = Search(leaves.subspan(middle));
    const Label below = Search(leaves.first(middle));
    return builder_.JumpIfAtLeast(leaves[middle].front().start, above, below);
  }

  Label Say(Leaf leaf) {
    if (leaf.size() == 1) return Say(leaf[0].answer);
    const Label exception = Say(leaf[1].answer);
    const Label others = Say(leaf[0].answer);
    return builder_.JumpIfEqual(leaf[1].start, exception, others);
  }

  Label Say(const Answer& answer) {
    if (answer.condition == nullptr) return Say(answer.verdict);
    const Label match = Say(answer.condition->on_match);
    const Label otherwise = Say(answer.condition->otherwise);
    return Test({answer.condition->alternatives.begin(), answer.condition->alternatives.end()}, match, otherwise);
  }

  Label Say(Verdict verdict) {
    switch (verdict) {
      case Verdict::kAllow: return builder_.Return(SECCOMP_RET_ALLOW);
      case Verdict::kRefuse: return builder_.Return(SECCOMP_RET_ERRNO | EPERM);
      case Verdict::kAbsent: return builder_.Return(SECCOMP_RET_ERRNO | ENOSYS);
      case Verdict::kUnfit: return builder_.Return(SECCOMP_RET_ERRNO | EOPNOTSUPP);
    }
    return builder_.Return(SECCOMP_RET_KILL_PROCESS);
  }

  // Alternatives that ask for the same argument under the same mask load it once, and each value's further tests are made only
  // for that value. The others come where none of the values is there.
  Label Test(const Alternatives& alternatives, Label match, Label otherwise) {
    const ArgumentTest key = alternatives.front().front();
    Alternatives others;
    std::map<uint32_t, Alternatives> further;
    for (const auto& tests : alternatives) {
      const ArgumentTest& first = tests.front();
      const bool same = first.index == key.index && first.mask == key.mask;
      (same ? further[first.value] : others).push_back(same ? tests.subspan(1) : tests);
    }
    if (!others.empty()) otherwise = Test(others, match, otherwise);
    Label compare = otherwise;
    for (const auto& [value, rest] : further) {
      const bool holds = std::any_of(rest.begin(), rest.end(), [](const auto& tests) { return tests.empty(); });
      compare = builder_.JumpIfEqual(value, holds ? match : Test(rest, match, otherwise), compare);
    }
    if (key.mask != std::numeric_limits<uint32_t>::max()) builder_.And(key.mask);
    // The low half of the argument: both architectures are little-endian.
    return builder_.Load(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * key.index);
  }

  BpfBuilder builder_;
};

}  // namespace

Result<std::vector<BpfInstruction>> AssembleSeccomp(const SeccompPolicy& policy, SeccompArchitecture architecture,
                                                    const CallNumberOf& number_of) {
  const Numbering numbering(policy, number_of);
  FH_ASSIGN_OR_RETURN(const AnswerByNumber answers, AnswersOf(policy, numbering));
  const uint32_t audit = architecture == SeccompArchitecture::kX86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
  std::vector<BpfInstruction> program = Assembler().Assemble(RangesOf(answers), audit);
  if (program.size() > BPF_MAXINSNS) return Error(ErrorCode::kInternal, "the system call filter is longer than the kernel takes");
  return program;
}

}  // namespace fumehood
