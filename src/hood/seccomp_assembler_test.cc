#include "src/hood/seccomp_assembler.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "src/hood/bpf_interpreter.h"

namespace fumehood {
namespace {

constexpr SeccompArchitecture kArchitecture = SeccompArchitecture::kX86_64;

// Calls of the tests are named by their number.
std::optional<int> NumberInName(std::string_view call) {
  if (call == "nobody") return std::nullopt;
  if (call == "elsewhere") return -10001;
  return std::stoi(std::string(call));
}

uint32_t ActionOf(Verdict verdict) {
  if (verdict == Verdict::kAllow) return SECCOMP_RET_ALLOW;
  if (verdict == Verdict::kUnfit) return SECCOMP_RET_ERRNO | EOPNOTSUPP;
  return SECCOMP_RET_ERRNO | static_cast<uint32_t>(verdict == Verdict::kRefuse ? EPERM : ENOSYS);
}

Verdict Expected(const ConditionalCall& condition, const SystemCall& call) {
  const auto holds = [&](const ArgumentTest& t) {
    return (static_cast<uint32_t>(call.arguments[t.index]) & t.mask) == t.value;
  };
  const bool match = std::any_of(condition.alternatives.begin(), condition.alternatives.end(), [&](const auto& tests) {
    return std::all_of(tests.begin(), tests.end(), holds);
  });
  return match ? condition.on_match : condition.otherwise;
}

rc::Gen<Verdict> AnyVerdict() { return rc::gen::element(Verdict::kAllow, Verdict::kRefuse, Verdict::kAbsent, Verdict::kUnfit); }

rc::Gen<ArgumentTest> AnyTest() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange<uint32_t>(0, 3), rc::gen::element<uint32_t>(0xffffffff, 0xf, 0x3),
                                     rc::gen::inRange<uint32_t>(0, 5)),
                      [](const auto& t) { return ArgumentTest{std::get<0>(t), std::get<1>(t), std::get<2>(t)}; });
}

RC_GTEST_PROP(SeccompAssembler, AnswersEachCallAsThePolicySays, ()) {
  const auto table = *rc::gen::container<std::map<uint32_t, Verdict>>(rc::gen::inRange<uint32_t>(0, 600), AnyVerdict());
  std::map<uint32_t, std::string> names;
  SeccompPolicy policy;
  for (const auto& [number, verdict] : table) {
    names[number] = std::to_string(number);
    policy.groups.push_back({"", verdict, {names[number]}});
  }
  const auto program = AssembleSeccomp(policy, kArchitecture, NumberInName);
  RC_ASSERT(program.has_value());
  for (uint32_t number = 0; number < 700; ++number) {
    const auto answer = InterpretBpf(*program, {number, AUDIT_ARCH_X86_64, 0, {}});
    const auto entry = table.find(number);
    RC_ASSERT(answer.has_value());
    RC_ASSERT(answer->action == ActionOf(entry == table.end() ? Verdict::kAbsent : entry->second));
  }
}

RC_GTEST_PROP(SeccompAssembler, TestsArgumentsAsThePolicySays, ()) {
  const auto tests = rc::gen::nonEmpty(rc::gen::resize(3, rc::gen::container<std::vector<ArgumentTest>>(AnyTest())));
  ConditionalCall condition = {"7", "", {}, *AnyVerdict(), *AnyVerdict()};
  condition.alternatives =
      *rc::gen::nonEmpty(rc::gen::resize(12, rc::gen::container<std::vector<std::vector<ArgumentTest>>>(tests)));
  SeccompPolicy policy;
  policy.conditions = {condition};
  const auto program = AssembleSeccomp(policy, kArchitecture, NumberInName);
  RC_ASSERT(program.has_value());
  for (uint64_t i = 0; i < 6 * 6 * 6; ++i) {
    const uint64_t above = i % 2 == 0 ? 0 : 0xffffffff00000000;
    const SystemCall call = {7, AUDIT_ARCH_X86_64, 0, {above | (i % 6), above | (i / 6 % 6), i / 36, 0, 0, 0}};
    const auto answer = InterpretBpf(*program, call);
    RC_ASSERT(answer.has_value());
    RC_ASSERT(answer->action == ActionOf(Expected(condition, call)));
  }
}

TEST(SeccompAssembler, ReachesAcrossMoreThanTheLongestJump) {
  std::map<uint32_t, std::string> names;
  SeccompPolicy policy;
  for (uint32_t number = 0; number < 900; ++number) {
    names[number] = std::to_string(number);
    // Each number's own condition: nothing is shared but the verdicts.
    policy.conditions.push_back({names[number], "", {{{0, 0xffffffff, number}}}, Verdict::kAllow, Verdict::kRefuse});
  }
  const auto program = AssembleSeccomp(policy, kArchitecture, NumberInName);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  for (uint32_t number = 0; number < 900; ++number) {
    const auto same = InterpretBpf(*program, {number, AUDIT_ARCH_X86_64, 0, {number}});
    const auto other = InterpretBpf(*program, {number, AUDIT_ARCH_X86_64, 0, {number + 1}});
    ASSERT_TRUE(same && other) << number;
    EXPECT_EQ(same->action, ActionOf(Verdict::kAllow)) << number;
    EXPECT_EQ(other->action, ActionOf(Verdict::kRefuse)) << number;
  }
}

TEST(SeccompAssembler, RefusesAPolicyThatContradictsItself) {
  SeccompPolicy twice;
  twice.groups = {{"", Verdict::kAllow, {"5"}}, {"", Verdict::kRefuse, {"5"}}};
  const auto contradiction = AssembleSeccomp(twice, kArchitecture, NumberInName);
  ASSERT_FALSE(contradiction.has_value());
  EXPECT_EQ(contradiction.error().message(), "system call '5' has two verdicts");
}

TEST(SeccompAssembler, RefusesANameThatNobodyKnows) {
  SeccompPolicy policy;
  policy.groups = {{"", Verdict::kAllow, {"nobody"}}};
  const auto unknown = AssembleSeccomp(policy, kArchitecture, NumberInName);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().message(), "no system call is named 'nobody'");
}

TEST(SeccompAssembler, TakesItsOwnNumberForANewCallButNotAgainstTheLibrary) {
  SeccompPolicy policy;
  policy.groups = {{"", Verdict::kAllow, {"nobody"}}};
  policy.numbers = {{"nobody", 470}};
  const auto program = AssembleSeccomp(policy, kArchitecture, NumberInName);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  EXPECT_EQ(InterpretBpf(*program, {470, AUDIT_ARCH_X86_64, 0, {}})->action, ActionOf(Verdict::kAllow));
  policy.groups[0].calls = {"5"};
  policy.numbers = {{"5", 6}};
  EXPECT_FALSE(AssembleSeccomp(policy, kArchitecture, NumberInName).has_value());
}

TEST(SeccompAssembler, LeavesOutCallsOfOtherArchitectures) {
  SeccompPolicy policy;
  policy.groups = {{"", Verdict::kAllow, {"elsewhere"}}};
  const auto program = AssembleSeccomp(policy, kArchitecture, NumberInName);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  EXPECT_EQ(InterpretBpf(*program, {0, AUDIT_ARCH_X86_64, 0, {}})->action, ActionOf(Verdict::kAbsent));
}

}  // namespace
}  // namespace fumehood
