#include "src/health/health_check.h"

#include <gmock/gmock.h>

#include "src/health/clock_judge.h"
#include "src/integrity/known_state.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(WorstOf, IsWhatAMonitoringSystemWouldTell) {
  EXPECT_EQ(WorstOf(CheckState::kOk, CheckState::kUnknown), CheckState::kUnknown);
  EXPECT_EQ(WorstOf(CheckState::kWarning, CheckState::kUnknown), CheckState::kWarning);
  EXPECT_EQ(WorstOf(CheckState::kWarning, CheckState::kCritical), CheckState::kCritical);
  EXPECT_EQ(static_cast<int>(CheckState::kUnknown), 3);
}

const WallTime kNoon = *ParseRfc3339("2026-06-01T12:00:00.000000Z");

ClockMemory At(WallTime wall, seconds since_boot, const std::string& boot = "b", ClockSync sync = ClockSync::kYes) { return {boot, {wall, since_boot, sync}}; }

TEST(JudgeClock, TakesWhatPassesOnBothClocks) {
  const HealthCheck check = JudgeClock(At(kNoon, seconds(100)), At(kNoon + hours(5), seconds(100) + hours(5)), kNoon - hours(100));
  EXPECT_EQ(check.state, CheckState::kOk);
  EXPECT_THAT(check.found, HasSubstr("2026-06-01T17:00:00Z, synchronised"));
}

TEST(JudgeClock, TellsThatItWasSet) {
  const HealthCheck forward = JudgeClock(At(kNoon, seconds(100)), At(kNoon + hours(5), seconds(200)), kNoon);
  EXPECT_EQ(forward.state, CheckState::kWarning);
  EXPECT_THAT(forward.found, HasSubstr("set forward by 17900 s since 2026-06-01T12:00:00Z"));
  const HealthCheck back = JudgeClock(At(kNoon, seconds(100)), At(kNoon - seconds(50), seconds(110)), kNoon);
  EXPECT_THAT(back.found, HasSubstr("set back by 60 s"));
  EXPECT_NE(back.mend, "");
}

TEST(JudgeClock, ComparesNothingAcrossARestart) {
  EXPECT_EQ(JudgeClock(At(kNoon, seconds(100), "one"), At(kNoon + hours(5), seconds(3), "two"), kNoon).state, CheckState::kOk);
  EXPECT_EQ(JudgeClock(std::nullopt, At(kNoon, seconds(3)), kNoon).state, CheckState::kOk);
}

TEST(JudgeClock, KnowsThatItCannotBeBeforeThisProgramWasMade) {
  const HealthCheck check = JudgeClock(std::nullopt, At(*ParseRfc3339("1970-01-01T00:10:00.000000Z"), seconds(600)), kNoon);
  EXPECT_EQ(check.state, CheckState::kCritical);
  EXPECT_THAT(check.found, HasSubstr("before this program was made"));
}

TEST(JudgeClock, SaysWhenNobodyKeepsIt) {
  const HealthCheck check = JudgeClock(std::nullopt, At(kNoon, seconds(3), "b", ClockSync::kNo), kNoon);
  EXPECT_EQ(check.state, CheckState::kOk);
  EXPECT_THAT(check.found, HasSubstr("not synchronised"));
}

class HealthChecks : public ::testing::Test {
 protected:
  HealthChecks() {
    dir_.Dir("state", 0700);
    config_.state_dir = dir_.At("state");
    config_.profiles["default"] = {.disk_limit_mb = 1};
  }
  TestDir dir_;
  Config config_;
};

TEST_F(HealthChecks, OfAnEmptyStateDirectoryAreWell) {
  for (const HealthCheck& check : CheckHealth(config_)) EXPECT_NE(check.state, CheckState::kCritical) << check.name << ": " << check.found;
  EXPECT_EQ(CheckRecords(config_).state, CheckState::kOk);
  EXPECT_EQ(CheckDatabases(config_).state, CheckState::kOk);
}

TEST_F(HealthChecks, OfNoStateDirectoryMakeNone) {
  config_.state_dir = dir_.At("none");
  (void)CheckHealth(config_);
  EXPECT_FALSE(dir_.Has("none"));
  EXPECT_EQ(CheckStateDirectory(config_).state, CheckState::kOk);
}

TEST_F(HealthChecks, SeeWhoElseCanReachTheRecords) {
  ASSERT_EQ(chmod(dir_.At("state").c_str(), 0755), 0);
  EXPECT_EQ(CheckStateDirectory(config_).state, CheckState::kWarning);
  ASSERT_EQ(chmod(dir_.At("state").c_str(), 0770), 0);
  EXPECT_EQ(CheckStateDirectory(config_).state, CheckState::kCritical);
  EXPECT_THAT(CheckStateDirectory(config_).mend, HasSubstr("chmod 700"));
}

TEST_F(HealthChecks, CountWhatCrashesLeft) {
  dir_.Dir("state/staging");
  dir_.Dir("state/staging/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  EXPECT_EQ(CheckStateDirectory(config_).state, CheckState::kOk);  // it may just be beginning
  const struct timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
  ASSERT_EQ(utimensat(dir_.fd(), "state/staging/01ARZ3NDEKTSV4RRFFQ69G5FAV", long_ago, 0), 0);
  EXPECT_EQ(CheckStateDirectory(config_).state, CheckState::kWarning);
  EXPECT_THAT(CheckStateDirectory(config_).found, HasSubstr("1 leftover of crashes"));
}

TEST_F(HealthChecks, NameARunWithoutItsEnd) {
  ASSERT_TRUE(MakeRun(config_.state_dir, "01ARZ3NDEKTSV4RRFFQ69G5FAV"));
  const HealthCheck lost = CheckRecords(config_);
  EXPECT_EQ(lost.state, CheckState::kWarning);
  EXPECT_THAT(lost.mend, HasSubstr("fumehood status 01ARZ3NDEKTSV4RRFFQ69G5FAV"));
  dir_.Put("state/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/result.json", "{ half");
  EXPECT_EQ(CheckRecords(config_).state, CheckState::kCritical);
}

TEST_F(HealthChecks, KnowADamagedDatabaseUntilItChanges) {
  dir_.Put("cells.db", "x");
  KnownDatabase known{.path = dir_.At("cells.db"), .sight = LookAtDatabase(dir_.At("cells.db")).value(), .damage = {"page 3"}};
  ASSERT_TRUE(KnownState(config_.state_dir).Remember(known));
  EXPECT_EQ(CheckDatabases(config_).state, CheckState::kCritical);
  dir_.Put("cells.db", "mended");
  EXPECT_EQ(CheckDatabases(config_).state, CheckState::kOk);
  ASSERT_EQ(unlinkat(dir_.fd(), "cells.db", 0), 0);
  EXPECT_EQ(CheckDatabases(config_).state, CheckState::kWarning);
}

TEST_F(HealthChecks, WantRoomForOneRun) {
  config_.profiles["default"].disk_limit_mb = int64_t{1} << 24;  // 16 TiB
  const HealthCheck check = CheckSpace(config_);
  EXPECT_NE(check.state, CheckState::kOk);
  EXPECT_THAT(check.mend, HasSubstr("fumehood gc"));
  EXPECT_THAT(check.measure, HasSubstr("free="));
}

}  // namespace
}  // namespace fumehood
