#include "src/hood/bpf_interpreter.h"

#include <linux/filter.h>

#include <vector>

#include <gtest/gtest.h>

namespace fumehood {
namespace {

constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t kReturn = BPF_RET | BPF_K;
constexpr SystemCall kCall = {11, 22, 0, {0x1122334455667788, 0, 0, 0, 0, 66}};

std::optional<BpfAnswer> Interpret(const std::vector<BpfInstruction>& program) { return InterpretBpf(program, kCall); }

TEST(BpfInterpreter, ReadsTheCallAsTheKernelLaysItOut) {
  struct {
    uint32_t offset;
    uint32_t value;
  } const words[] = {{0, 11}, {4, 22}, {16, 0x55667788}, {20, 0x11223344}, {56, 66}};
  for (const auto& word : words) {
    const auto answer = Interpret({{kLoad, 0, 0, word.offset},
                                   {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, word.value},
                                   {kReturn, 0, 0, 1},
                                   {kReturn, 0, 0, 2}});
    ASSERT_TRUE(answer.has_value()) << word.offset;
    EXPECT_EQ(answer->action, 1U) << word.offset;
    EXPECT_EQ(answer->steps, 3U);
  }
}

TEST(BpfInterpreter, ComparesAndMasksWithoutSign) {
  const auto first = [](uint16_t comparison, uint32_t operand) {
    return Interpret({{kLoad, 0, 0, 0},
                      {static_cast<uint16_t>(BPF_JMP | comparison | BPF_K), 0, 1, operand},
                      {kReturn, 0, 0, 1},
                      {kReturn, 0, 0, 2}})
               ->action == 1;
  };
  EXPECT_TRUE(first(BPF_JGE, 11));
  EXPECT_FALSE(first(BPF_JGE, 0xffffffff));
  EXPECT_FALSE(first(BPF_JGT, 11));
  EXPECT_TRUE(first(BPF_JSET, 2));
  EXPECT_FALSE(first(BPF_JSET, 4));
  const auto masked = Interpret({{kLoad, 0, 0, 0},
                                 {BPF_ALU | BPF_AND | BPF_K, 0, 0, 8},
                                 {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 8},
                                 {kReturn, 0, 0, 1},
                                 {kReturn, 0, 0, 2}});
  EXPECT_EQ(masked->action, 1U);
}

TEST(BpfInterpreter, HasNoAnswerFromAProgramThatTheKernelWouldNotTake) {
  EXPECT_FALSE(Interpret({}).has_value());
  EXPECT_FALSE(Interpret({{kLoad, 0, 0, 0}}).has_value()) << "no return";
  EXPECT_FALSE(Interpret({{BPF_JMP | BPF_JA, 0, 0, 5}, {kReturn, 0, 0, 1}}).has_value()) << "a jump past the end";
  EXPECT_FALSE(Interpret({{BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 1}, {kReturn, 0, 0, 1}}).has_value()) << "a branch past the end";
  EXPECT_FALSE(Interpret({{kLoad, 0, 0, 64}, {kReturn, 0, 0, 1}}).has_value()) << "a load behind the call";
  EXPECT_FALSE(Interpret({{kLoad, 0, 0, 2}, {kReturn, 0, 0, 1}}).has_value()) << "a load across words";
  EXPECT_FALSE(Interpret({{BPF_ST, 0, 0, 0}, {kReturn, 0, 0, 1}}).has_value()) << "an instruction that we never use";
}

}  // namespace
}  // namespace fumehood
