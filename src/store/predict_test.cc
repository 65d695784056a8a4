#include "src/store/predict.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;

PastRun Completed(double peak_mb, int64_t input_mb = -1, double wall_s = 10) {
  return {.id = "01", .completed = true, .reason = Reason::kExited, .input_bytes = input_mb < 0 ? -1 : input_mb * kMiB, .memory_peak_mb = peak_mb,
          .memory_limit_mb = 8192, .wall_s = wall_s, .cpu_s = wall_s, .cpu_quota = 1, .pids_peak = 4};
}

rc::Gen<PastRun> AnyRun() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange(1, 20000), rc::gen::inRange(-1, 5000), rc::gen::inRange(0, 4), rc::gen::inRange(0, 100000)), [](const auto& drawn) {
    const auto& [peak, input, kind, wall] = drawn;
    PastRun run = Completed(peak, input, wall / 10.0);
    run.completed = kind != 0 && kind != 1;
    run.reason = kind == 0 ? Reason::kMemoryLimit : kind == 1 ? Reason::kTimeout : Reason::kExited;
    return run;
  });
}

TEST(Predict, SaysNothingWithoutEnoughRuns) {
  EXPECT_FALSE(Predict({}, -1, {}));
  EXPECT_FALSE(Predict({Completed(100), Completed(100)}, -1, {}));
  EXPECT_TRUE(Predict({Completed(100), Completed(100), Completed(100)}, -1, {}));
}

TEST(Predict, TakesTheHighestPeakWithTheMargin) {
  const auto found = Predict({Completed(400), Completed(1000), Completed(700)}, -1, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->memory_limit_mb, 1250);
  EXPECT_EQ(found->median_mb, 700);
  EXPECT_EQ(found->timeout_seconds, 60);
  EXPECT_EQ(found->cpu_quota, 1);
  EXPECT_EQ(found->basis, Basis::kHighest);
}

TEST(Predict, ALimitThatWasNotEnoughCountsAsMoreThanItself) {
  PastRun cut = Completed(2000);
  cut.completed = false;
  cut.reason = Reason::kMemoryLimit;
  cut.memory_limit_mb = 2048;
  const auto found = Predict({cut, Completed(500), Completed(500), Completed(500)}, -1, {});
  ASSERT_TRUE(found);
  EXPECT_GE(found->memory_limit_mb, 2560);
}

TEST(Predict, FollowsTheSizeOfTheInputsBeyondWhatWasSeen) {
  std::vector<PastRun> past;
  for (int64_t mb = 100; mb <= 1000; mb += 100) past.push_back(Completed(200 + 3.0 * static_cast<double>(mb), mb));
  const auto twice = Predict(past, 2000 * kMiB, {});
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->basis, Basis::kGrowth);
  EXPECT_NEAR(static_cast<double>(twice->memory_limit_mb), (200 + 3.0 * 2000) * 1.25, 2);
}

TEST(Predict, OneOddRunDoesNotTurnTheLine) {
  std::vector<PastRun> past;
  for (int64_t mb = 100; mb <= 1000; mb += 100) past.push_back(Completed(200 + 3.0 * static_cast<double>(mb), mb));
  past.push_back(Completed(9000, 100));
  const auto found = Predict(past, 2000 * kMiB, {});
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->mb_per_gib, 3 * 1024, 600);
}

RC_GTEST_PROP(Predict, IsNeverBelowTheFloorNorAboveTheBound, ()) {
  const auto past = *rc::gen::container<std::vector<PastRun>>(AnyRun());
  PredictRules rules;
  rules.memory_floor_mb = *rc::gen::inRange(1, 4000);
  rules.memory_most_mb = *rc::gen::inRange(4000, 30000);
  const auto found = Predict(past, *rc::gen::inRange(-1, 4000) * kMiB, rules);
  if (!found) return;
  RC_ASSERT(found->memory_limit_mb >= rules.memory_floor_mb);
  RC_ASSERT(found->memory_limit_mb <= rules.memory_most_mb);
  RC_ASSERT(found->timeout_seconds >= rules.timeout_floor_s);
  RC_ASSERT(found->pids_limit >= rules.pids_floor);
  RC_ASSERT(found->cpu_quota >= rules.cpu_floor);
}

RC_GTEST_PROP(Predict, IsNeverBelowTheHighestPeakOfCompletedRunsWithItsMargin, ()) {
  const auto past = *rc::gen::container<std::vector<PastRun>>(AnyRun());
  const auto found = Predict(past, *rc::gen::inRange(-1, 4000) * kMiB, {});
  if (!found) return;
  double highest = 0;
  for (const PastRun& run : past) highest = run.completed ? std::max(highest, run.memory_peak_mb) : highest;
  RC_ASSERT(static_cast<double>(found->memory_limit_mb) >= highest * PredictRules().memory_margin);
  RC_ASSERT(!found->capped);
}

RC_GTEST_PROP(Predict, NeverFallsWhenTheInputsGrow, ()) {
  const auto past = *rc::gen::container<std::vector<PastRun>>(AnyRun());
  const int64_t smaller = *rc::gen::inRange(0, 100000);
  const int64_t larger = smaller + *rc::gen::inRange(0, 100000);
  const auto a = Predict(past, smaller * kMiB, {});
  const auto b = Predict(past, larger * kMiB, {});
  RC_ASSERT(a.has_value() == b.has_value());
  if (a) RC_ASSERT(a->memory_limit_mb <= b->memory_limit_mb);
}

RC_GTEST_PROP(Predict, GrowsWhereTheHistoryDoes, ()) {
  const double slope = *rc::gen::inRange(1, 50);  // MiB for each MiB of input
  const double base = *rc::gen::inRange(10, 1000);
  std::vector<PastRun> past;
  const int count = *rc::gen::inRange(4, 30);
  for (int i = 0; i < count; ++i) {
    const int64_t mb = 100 * (i + 1);
    past.push_back(Completed(base + slope * static_cast<double>(mb), mb));
  }
  const int64_t asked = 100 * count * *rc::gen::inRange(2, 10);
  const auto found = Predict(past, asked * kMiB, {});
  RC_ASSERT(found.has_value());
  RC_ASSERT(static_cast<double>(found->memory_limit_mb) >= base + slope * static_cast<double>(asked));
}

}  // namespace
}  // namespace fumehood
