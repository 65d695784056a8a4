#include "src/health/garbage_plan.h"

#include <chrono>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace fumehood {
namespace {

using std::chrono::hours;

const WallTime kNow(hours(500000));

// The newest first, an hour apart.
std::vector<GarbageCandidate> Candidates(int count, int64_t bytes = 100) {
  std::vector<GarbageCandidate> all;
  for (int i = 0; i < count; ++i) all.push_back({.id = std::string(1, static_cast<char>('a' + i)), .finished = kNow - hours(i), .bytes = bytes});
  return all;
}

std::string Going(const std::vector<GarbageCandidate>& candidates, const std::vector<KeepRule>& rules) {
  std::string ids;
  for (const auto& [id, why] : PlanGarbage(candidates, rules)) ids += id;
  return ids;
}

TEST(GarbagePlan, TakesWhatIsTooOldTooManyOrTooLarge) {
  EXPECT_EQ(Going(Candidates(6), {{.ended_before = kNow - hours(3)}}), "ef");
  EXPECT_EQ(Going(Candidates(6), {{.max_runs = 4}}), "ef");
  EXPECT_EQ(Going(Candidates(6), {{.max_bytes = 400}}), "ef");
  EXPECT_EQ(Going(Candidates(6), {{.max_runs = 0, .keep_newest = 5}}), "f");
  EXPECT_EQ(Going(Candidates(6), {}), "");
}

TEST(GarbagePlan, WhatStaysIsTheNewestWithoutAGap) {
  auto all = Candidates(4);
  all[1].bytes = 1000;  // too large: what is older and small does not outlive it
  EXPECT_EQ(Going(all, {{.max_bytes = 500}}), "bcd");
}

TEST(GarbagePlan, APinnedRunStaysAndTakesItsPart) {
  auto all = Candidates(4);
  all[3].pinned = true;
  all[0].pinned = true;
  EXPECT_EQ(Going(all, {{.max_runs = 0}}), "bc");
  EXPECT_EQ(Going(all, {{.max_bytes = 200}}), "c");
}

TEST(GarbagePlan, EachRunHasTheRuleOfItsLabel) {
  auto all = Candidates(4);
  all[1].labels = {{"project", "paper"}};
  all[3].labels = {{"project", "paper"}, {"a", "b"}};
  EXPECT_EQ(Going(all, {{.label = "project=paper"}, {.max_runs = 0}}), "ac");
  EXPECT_EQ(Going(all, {{.label = "project=paper", .max_runs = 1}}), "d");
}

TEST(GarbagePlan, TheConfigurationSpeaksOfDaysAndMebibytes) {
  const auto rules = KeepRulesFrom({{"default", {.max_runs = 5, .keep_newest = 2}}, {"a=b", {.older_than_days = 2, .max_size_mb = 3}}}, kNow);
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].label, "a=b");
  EXPECT_EQ(rules[0].ended_before, kNow - hours(48));
  EXPECT_EQ(rules[0].max_bytes, 3 << 20);
  EXPECT_FALSE(rules[1].ended_before);
  EXPECT_EQ(rules[1].keep_newest, 2);
  EXPECT_EQ(KeepRulesFrom({}, kNow)[0].ended_before, kNow - hours(24 * 30));
}

RC_GTEST_PROP(GarbagePlan, NeverTakesAPinnedOneAndHoldsItsBounds, ()) {
  const int count = *rc::gen::inRange(0, 26);
  auto all = Candidates(count);
  for (GarbageCandidate& one : all) {
    one.pinned = *rc::gen::inRange(0, 4) == 0;
    one.bytes = *rc::gen::inRange(0, 1000);
  }
  const KeepRule rule{.max_runs = *rc::gen::inRange(0, 30), .max_bytes = *rc::gen::inRange(0, 10000)};
  const auto going = PlanGarbage(all, {rule});
  int64_t unpinned = 0;
  int64_t pinned = 0;
  int64_t bytes = 0;
  int64_t pinned_bytes = 0;
  for (const GarbageCandidate& one : all) {
    if (one.pinned) RC_ASSERT(!going.contains(one.id));
    if (going.contains(one.id)) continue;
    (one.pinned ? pinned : unpinned) += 1;
    (one.pinned ? pinned_bytes : bytes) += one.bytes;
  }
  RC_ASSERT(unpinned <= *rule.max_runs);
  RC_ASSERT(bytes <= *rule.max_bytes);
  RC_ASSERT(pinned + unpinned + static_cast<int64_t>(going.size()) == count);
}

}  // namespace
}  // namespace fumehood
