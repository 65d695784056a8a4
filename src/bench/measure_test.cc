#include "src/bench/measure.h"

#include <gtest/gtest.h>

#include <atomic>

namespace fumehood {
namespace {

TEST(Percentile, IsOneOfTheSamples) {
  EXPECT_EQ(Percentile({}, 0.5), 0);
  EXPECT_EQ(Percentile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(Percentile({3, 1, 2}, 0), 1);
  EXPECT_EQ(Percentile({3, 1, 2}, 0.99), 3);
}

TEST(TakeTurns, GivesEachLauncherAsManyRoundsAndDoesNotCountTheFirst) {
  Launchers launchers;
  std::atomic<int> calls = 0;
  for (const char* name : {"a", "b"}) {
    launchers.list.push_back({name, [&]() -> Result<void> {
      ++calls;
      return {};
    }});
  }
  const auto samples = TakeTurns(launchers, 3, 0);
  ASSERT_TRUE(samples);
  EXPECT_EQ(samples->at("a").size(), 3U);
  EXPECT_EQ(samples->at("b").size(), 3U);
  EXPECT_GT(calls, 6);
}

TEST(AtOnce, MakesExactlySoManyLaunches) {
  std::atomic<int> calls = 0;
  const Launcher launcher{"a", [&]() -> Result<void> {
    ++calls;
    return {};
  }};
  ASSERT_TRUE(AtOnce(launcher, 100, 8));
  EXPECT_EQ(calls, 100);
}

TEST(AtOnce, EndsWithTheFirstFailure) {
  const Launcher launcher{"a", [] { return Result<void>(Error(ErrorCode::kInternal, "broken")); }};
  const auto rate = AtOnce(launcher, 1000, 4);
  ASSERT_FALSE(rate);
  EXPECT_NE(rate.error().message().find("broken"), std::string::npos);
}

}  // namespace
}  // namespace fumehood
