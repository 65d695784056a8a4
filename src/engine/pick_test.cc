#include "src/engine/pick.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>

namespace fumehood {
namespace {

constexpr int64_t kSecond = 1000000;

Waiting Job(const std::string& id, int64_t cores, int64_t lasts_s) {
  Waiting waiting;
  waiting.id = id;
  waiting.ask.demand = waiting.ask.firm = {.memory_mb = 100, .cpu_milli = cores * 1000, .pids = 1, .disk_mb = 1};
  waiting.lasts_us = lasts_s * kSecond;
  return waiting;
}

Reservation Running(const std::string& id, int64_t cores, int64_t ends_s) {
  return {.id = id, .demand = {100, cores * 1000, 1, 1}, .ends_by_us = ends_s * kSecond};
}

Scene SceneOf(const std::vector<Waiting>& waiting, std::vector<Reservation> held, int64_t cores) {
  Scene scene;
  scene.budget = {.memory_mb = 100000, .cpu_milli = cores * 1000, .pids = 100000, .disk_mb = 100000};
  scene.held = std::move(held);
  for (const Waiting& one : waiting) scene.waiting.push_back(&one);
  return scene;
}

std::string PickedId(const Scene& scene, const PickRules& rules = {}) {
  const Picked picked = Pick(scene, rules);
  return picked.run == nullptr ? "" : picked.run->id;
}

TEST(Pick, NothingWaits) { EXPECT_EQ(PickedId(SceneOf({}, {}, 2)), ""); }

TEST(Pick, TheEldestOfEqualsIsFirst) {
  std::vector<Waiting> waiting = {Job("b", 1, 9), Job("a", 1, 9)};
  EXPECT_EQ(PickedId(SceneOf(waiting, {}, 2)), "a");
  waiting[0].since_us = -5;
  EXPECT_EQ(PickedId(SceneOf(waiting, {}, 2)), "b");
}

TEST(Pick, PriorityIsLiftedByWaiting) {
  std::vector<Waiting> waiting = {Job("low", 1, 9), Job("high", 1, 9)};
  waiting[1].priority = 3;
  waiting[1].since_us = 1000 * kSecond;
  Scene scene = SceneOf(waiting, {}, 2);
  scene.now_us = 1000 * kSecond;
  EXPECT_EQ(PickedId(scene), "high");
  EXPECT_EQ(PickedId(scene, {.age_us = 400 * kSecond}), "high");
  EXPECT_EQ(PickedId(scene, {.age_us = 100 * kSecond}), "low");
}

TEST(Pick, TheShareThatHadLessIsFirst) {
  std::vector<Waiting> waiting = {Job("a", 1, 9), Job("b", 1, 9)};
  waiting[0].share = "ada";
  waiting[1].share = "bob";
  Scene scene = SceneOf(waiting, {}, 4);
  scene.had = {{"ada", 5.0}};
  EXPECT_EQ(PickedId(scene), "b");
  scene.had.clear();
  scene.held = {Running("x", 1, 100)};
  scene.held[0].share = "ada";
  EXPECT_EQ(PickedId(scene), "b");
}

TEST(Pick, ARetryIsNotDueBeforeItsTime) {
  std::vector<Waiting> waiting = {Job("a", 1, 9)};
  waiting[0].not_before_us = 10;
  Scene scene = SceneOf(waiting, {}, 2);
  EXPECT_EQ(PickedId(scene), "");
  scene.now_us = 10;
  EXPECT_EQ(PickedId(scene), "a");
}

TEST(Pick, ALaterOneStartsBeforeABigOneWhereItEndsInTime) {
  const std::vector<Waiting> waiting = {Job("big", 4, 100), Job("short", 1, 50), Job("tiny", 1, 49)};
  // Two cores free; the big one can start at 50 s at the latest.
  EXPECT_EQ(PickedId(SceneOf(waiting, {Running("x", 2, 50)}, 4)), "short");
  EXPECT_EQ(PickedId(SceneOf(waiting, {Running("x", 2, 49)}, 4)), "tiny");
  EXPECT_EQ(PickedId(SceneOf(waiting, {Running("x", 2, 48)}, 4)), "");
}

TEST(Pick, ALaterOneStartsWhereTheBigOneLeavesRoomForIt) {
  const std::vector<Waiting> waiting = {Job("big", 3, 100), Job("long", 1, 5000), Job("longer", 2, 5000)};
  EXPECT_EQ(PickedId(SceneOf(waiting, {Running("x", 2, 50)}, 4)), "long");
}

TEST(Pick, AProfilesLimitIsCutToTheBudgetAndAFirmOneIsNot) {
  std::vector<Waiting> waiting = {Job("a", 8, 9)};
  EXPECT_EQ(PickedId(SceneOf(waiting, {}, 2)), "");
  waiting[0].ask.firm.cpu_milli = 0;
  const Scene scene = SceneOf(waiting, {}, 2);
  const Picked picked = Pick(scene, {});
  ASSERT_NE(picked.run, nullptr);
  EXPECT_EQ(picked.demand.cpu_milli, 2000);
  EXPECT_EQ(PickedId(SceneOf(waiting, {Running("x", 1, 9)}, 2)), "");
}

// A host in small: jobs come, run for as long as they do (never beyond their limit), and go.
struct Host {
  Budget budget;
  PickRules rules{};
  int64_t now = 0;
  std::map<std::string, std::unique_ptr<Waiting>> waiting;
  std::map<std::string, int64_t> really_lasts;
  std::vector<std::pair<Reservation, int64_t>> running;  // with their real ends
  std::vector<std::string> started;

  Scene Look() const {
    Scene scene;
    scene.now_us = now;
    scene.budget = budget;
    for (const auto& [reservation, end] : running) scene.held.push_back(reservation);
    for (const auto& [id, one] : waiting) scene.waiting.push_back(one.get());
    return scene;
  }
  void StartAll() {
    for (;;) {
      const Scene scene = Look();
      const Picked picked = Pick(scene, rules);
      if (picked.run == nullptr) return;
      const std::string id = picked.run->id;
      running.push_back({{.id = id, .demand = picked.demand, .ends_by_us = now + picked.run->lasts_us, .share = picked.run->share}, now + really_lasts[id]});
      started.push_back(id);
      waiting.erase(id);
      const Demand sum = Sum(Look().held);
      RC_ASSERT(Fits(sum, budget));
    }
  }
  bool Step() {
    if (running.empty()) return false;
    const auto next = std::min_element(running.begin(), running.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    now = std::max(now, next->second);
    running.erase(next);
    return true;
  }
};

RC_GTEST_PROP(Pick, TheSumStaysWithinTheBudgetAndNobodyStarves, ()) {
  Host host;
  host.budget = {.memory_mb = 100000, .cpu_milli = 1000 * *rc::gen::inRange<int64_t>(1, 9), .pids = 100000, .disk_mb = 100000};
  const size_t count = *rc::gen::inRange<size_t>(1, 60);
  for (size_t i = 0; i < count; ++i) {
    auto job = std::make_unique<Waiting>(Job(fmt::format("{:04}", i), *rc::gen::inRange<int64_t>(1, host.budget.cpu_milli / 1000 + 1),
                                             *rc::gen::inRange<int64_t>(1, 100)));
    job->priority = *rc::gen::inRange<int64_t>(-2, 3);
    job->share = std::string(1, static_cast<char>('a' + *rc::gen::inRange(0, 3)));
    job->since_us = static_cast<int64_t>(i) * kSecond;
    host.really_lasts[job->id] = job->lasts_us * *rc::gen::inRange<int64_t>(1, 101) / 100;
    host.waiting[job->id] = std::move(job);
  }
  host.StartAll();
  while (host.Step()) host.StartAll();
  RC_ASSERT(host.waiting.empty());
  RC_ASSERT(std::set<std::string>(host.started.begin(), host.started.end()).size() == count);
}

// The first in turn starts no later than it would have if nothing that came after it were there.
RC_GTEST_PROP(Pick, BackfillDelaysTheFirstByNothing, ()) {
  const int64_t cores = *rc::gen::inRange<int64_t>(2, 9);
  const auto make = [&] {
    Host host;
    host.budget = {.memory_mb = 100000, .cpu_milli = 1000 * cores, .pids = 100000, .disk_mb = 100000};
    return host;
  };
  Host alone = make();
  Host together = make();
  int64_t used = 0;
  for (int i = 0; used < cores && i < 5; ++i) {
    const int64_t wide = *rc::gen::inRange<int64_t>(1, cores - used + 1);
    const int64_t end = *rc::gen::inRange<int64_t>(1, 100);
    used += wide;
    for (Host* host : {&alone, &together}) host->running.emplace_back(Running(fmt::format("r{}", i), wide, end), end * kSecond);
  }
  const auto add = [](Host& host, const Waiting& job) {
    host.really_lasts[job.id] = job.lasts_us;
    host.waiting[job.id] = std::make_unique<Waiting>(job);
  };
  const Waiting first = Job("0first", *rc::gen::inRange<int64_t>(1, cores + 1), 50);
  add(alone, first);
  add(together, first);
  const int others = *rc::gen::inRange(0, 20);
  for (int i = 0; i < others; ++i) {
    Waiting job = Job(fmt::format("1other{}", i), *rc::gen::inRange<int64_t>(1, cores + 1), *rc::gen::inRange<int64_t>(1, 100));
    job.since_us = 1;
    add(together, job);
  }
  const auto start_of_first = [](Host& host) {
    host.StartAll();
    while (host.waiting.contains("0first") && host.Step()) host.StartAll();
    return host.now;
  };
  RC_ASSERT(start_of_first(together) <= start_of_first(alone));
}

}  // namespace
}  // namespace fumehood
