#include <gtest/gtest.h>

#include "src/cli/command.h"

namespace fumehood {
namespace {

RunResult Ended(RunStatus status, Reason reason, std::optional<int> exit_code = {}, std::optional<int> signal = {}) {
  RunResult result;
  result.status = status;
  result.reason = reason;
  result.exit_code = exit_code;
  result.signal = signal;
  return result;
}

TEST(ExitCode, IsTheAnalysisOwnWhereItEndedByItself) {
  EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kCompleted, Reason::kExited, 0)), 0);
  EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kFailed, Reason::kExited, 42)), 42);
  EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kFailed, Reason::kSignaled, {}, 11)), 139);
}

TEST(ExitCode, TellsALimitFromTheAnalysisOwnEnd) {
  EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kFailed, Reason::kTimeout, 3)), kExitTimeout);
  EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kFailed, Reason::kIdleTimeout, {}, 9)), kExitTimeout);
  EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kFailed, Reason::kMemoryLimit, {}, 9)), kExitMemory);
}

TEST(ExitCode, IsAFaultOfOursWhereItWas) {
  for (const Reason reason : {Reason::kSetupFailed, Reason::kHostLost, Reason::kStageIn, Reason::kStageOut, Reason::kEngineError}) {
    EXPECT_EQ(ExitCodeOf(Ended(RunStatus::kFailed, reason)), kExitFault) << Name(reason);
  }
}

TEST(ExitCode, IsNeverZeroForARunThatDidNotComplete) {
  EXPECT_NE(ExitCodeOf(Ended(RunStatus::kFailed, Reason::kOutputMissing, 0)), 0);
  EXPECT_NE(ExitCodeOf(Ended(RunStatus::kKilled, Reason::kCancelled, 0)), 0);
}

TEST(ExitCode, OfBadInputIsItsOwn) {
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kInvalidArgument, "x")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kUnsupported, "x")), kExitFault);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kNotFound, "fumehood-keeper is not installed")), kExitFault);
}

TEST(Commands, AreFoundByName) {
  ASSERT_NE(FindCommand("run"), nullptr);
  EXPECT_EQ(FindCommand("run")->name, "run");
  EXPECT_EQ(FindCommand("ru"), nullptr);
}

}  // namespace
}  // namespace fumehood
