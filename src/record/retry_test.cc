#include "src/record/retry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace fumehood {
namespace {

RetryPolicy On(std::vector<std::string> reasons, int64_t max) { return {.max = max, .on = std::move(reasons)}; }

TEST(Retry, OnlyForReasonsThatAreNamedAndSoOften) {
  const RetryPolicy policy = On({"timeout", "exited"}, 2);
  EXPECT_TRUE(IsRetried(policy, {{Reason::kTimeout, 1}}));
  EXPECT_TRUE(IsRetried(policy, {{Reason::kTimeout, 1}, {Reason::kExited, 1}}));
  EXPECT_FALSE(IsRetried(policy, {{Reason::kTimeout, 1}, {Reason::kExited, 1}, {Reason::kExited, 1}}));
  EXPECT_FALSE(IsRetried(policy, {{Reason::kMemoryLimit, 1}}));
  EXPECT_FALSE(IsRetried(policy, {}));
}

TEST(Retry, WhatWasAskedForIsNotTriedAgain) { EXPECT_FALSE(IsRetried(On({"cancelled"}, 9), {{Reason::kCancelled, 1}})); }

TEST(Retry, TheSystemsFailuresHaveTheirOwnBudget) {
  const RetryPolicy policy = On({"host_lost", "timeout"}, 1);
  EXPECT_TRUE(IsRetried(policy, {{Reason::kHostLost, 1}}));
  EXPECT_FALSE(IsRetried(policy, {{Reason::kHostLost, 1}, {Reason::kHostLost, 1}}));
  EXPECT_TRUE(IsRetried(policy, {{Reason::kHostLost, 1}, {Reason::kTimeout, 1}}));
  EXPECT_FALSE(IsRetried(policy, {{Reason::kTimeout, 1}, {Reason::kHostLost, 1}, {Reason::kTimeout, 1}}));
}

TEST(Retry, MemoryIsRaisedUpToItsHighest) {
  const RetryPolicy policy{.memory_factor = 3, .memory_max_mb = 700};
  std::vector<AttemptEnd> history = {{Reason::kMemoryLimit, 100}};
  std::vector<int64_t> limits;
  while (IsRetried(policy, history)) {
    limits.push_back(NextMemoryLimitMb(policy, history));
    history.push_back({Reason::kMemoryLimit, limits.back()});
  }
  EXPECT_EQ(limits, (std::vector<int64_t>{300, 700}));
  EXPECT_FALSE(IsRetried(policy, {{Reason::kTimeout, 100}}));
}

TEST(Retry, AnotherReasonLeavesTheMemoryAsItWas) {
  RetryPolicy policy = On({"timeout"}, 1);
  policy.memory_factor = 2;
  policy.memory_max_mb = 1000;
  EXPECT_EQ(NextMemoryLimitMb(policy, {{Reason::kMemoryLimit, 100}, {Reason::kTimeout, 200}}), 200);
  EXPECT_TRUE(IsRetried(policy, {{Reason::kMemoryLimit, 100}, {Reason::kTimeout, 200}}));  // memory has a way of its own
}

TEST(Retry, SaysWhatWasBefore) {
  EXPECT_EQ(DescribeEarlier({}), "");
  EXPECT_EQ(DescribeEarlier({{Reason::kMemoryLimit, 64}, {Reason::kTimeout, 128}}), "This was attempt 3; before it: memory_limit with 64 MiB, timeout with 128 MiB.");
}

RC_GTEST_PROP(Retry, EveryPolicyComesToAnEnd, ()) {
  const auto any_reason = [] { return static_cast<Reason>(*rc::gen::inRange(static_cast<int>(Reason::kExited), static_cast<int>(Reason::kEngineError) + 1)); };
  RetryPolicy policy = On({}, *rc::gen::inRange<int64_t>(0, 8));
  for (int i = *rc::gen::inRange(0, 8); i > 0; --i) policy.on.emplace_back(Name(any_reason()));
  policy.memory_factor = *rc::gen::inRange<int64_t>(0, 10);
  policy.memory_max_mb = *rc::gen::inRange<int64_t>(1, 100000);
  std::vector<AttemptEnd> history = {{any_reason(), *rc::gen::inRange<int64_t>(1, 1000)}};
  while (IsRetried(policy, history)) {
    const int64_t limit = NextMemoryLimitMb(policy, history);
    RC_ASSERT(limit >= history.back().memory_limit_mb);
    RC_ASSERT(limit <= std::max(policy.memory_max_mb, history.front().memory_limit_mb));
    history.push_back({any_reason(), limit});
    RC_ASSERT(history.size() < 64);
  }
}

RC_GTEST_PROP(Retry, ThePauseGrowsAndIsBounded, ()) {
  const std::string seed = *rc::gen::arbitrary<std::string>();
  const auto attempts = *rc::gen::inRange<size_t>(1, 100);
  const int64_t pause = PauseBeforeRetry(attempts, seed).count();
  RC_ASSERT(pause >= 500);
  RC_ASSERT(pause <= 300000);
  RC_ASSERT(PauseBeforeRetry(attempts + 2, seed).count() >= pause || pause > 75000);
}

}  // namespace
}  // namespace fumehood
