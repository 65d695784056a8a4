#include "src/health/collect_garbage.h"

#include <unistd.h>

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/record/event_log.h"
#include "src/record/list_runs.h"
#include "src/record/result_json.h"
#include "src/record/run_dir.h"
#include "src/record/test_dir.h"
#include "src/record/verify.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::chrono::hours kDay{24};

class CollectGarbageTest : public testing::Test {
 protected:
  CollectGarbageTest() { config_.state_dir = dir_.path() + "/state"; }

  // With a result, an event and a file in it; the ids sort in the order of the calls.
  RunId AddRun(WallTime finished, RunStatus status = RunStatus::kCompleted) {
    RunResult result;
    result.run_id = "01ARZ3NDEKTSV4RRFFQ69G5FA" + std::string(1, static_cast<char>('0' + runs_++));
    result.name = "cells";
    result.status = status;
    result.reason = Reason::kExited;
    result.finished_at = Rfc3339(finished);
    auto run = MakeRun(config_.state_dir, result.run_id);
    EXPECT_TRUE(run) << run.error().message();
    auto events = EventLog::Open(run->fd.get());
    EXPECT_TRUE(events && events->Append("submitted"));
    if (IsFinal(status)) {
      EXPECT_TRUE(PublishResult(run->fd.get(), result, Durability::kLater));
    }
    return result.run_id;
  }

  GarbageReport Collect(GarbageRules rules) {
    auto report = CollectGarbage(config_, rules);
    EXPECT_TRUE(report) << report.error().message();
    return report ? std::move(report).value() : GarbageReport();
  }

  std::vector<RunId> Left() { return ListRuns(config_.state_dir).value(); }
  std::string Log() { return ReadFile(kHere, config_.state_dir + "/events.jsonl").value(); }

  TestDir dir_;
  Config config_;
  int runs_ = 0;
};

TEST_F(CollectGarbageTest, RemovesWhatEndedLongAgoAndNothingElse) {
  const RunId old = AddRun(Now() - 40 * kDay);
  const RunId young = AddRun(Now() - kDay);
  const RunId going_on = AddRun(WallTime(), RunStatus::kRunning);
  const GarbageReport report = Collect({.keep = {{.ended_before = Now() - 30 * kDay}}});
  ASSERT_EQ(report.runs.size(), 1U);
  EXPECT_EQ(report.runs[0].id, old);
  EXPECT_GT(report.runs[0].bytes, 0);
  EXPECT_EQ(report.kept, 2);
  EXPECT_THAT(Left(), ElementsAre(young, going_on));
}

TEST_F(CollectGarbageTest, RecordsEachRemovalInAChainThatHolds) {
  const RunId first = AddRun(Now() - 2 * kDay);
  const RunId second = AddRun(Now() - 2 * kDay);
  Collect({.keep = {{.ended_before = Now()}}});
  const ChainReport chain = VerifyChain(Log());
  EXPECT_THAT(chain.findings, IsEmpty());
  EXPECT_EQ(chain.events, 2);
  EXPECT_THAT(Log(), HasSubstr(first));
  EXPECT_THAT(Log(), HasSubstr(second));
}

TEST_F(CollectGarbageTest, KeepsTheNewestWhateverTheirAge) {
  AddRun(Now() - 50 * kDay);
  const RunId newest = AddRun(Now() - 40 * kDay);
  Collect({.keep = {{.ended_before = Now(), .keep_newest = 1}}});
  EXPECT_THAT(Left(), ElementsAre(newest));
}

TEST_F(CollectGarbageTest, ADryRunChangesNothing) {
  const RunId old = AddRun(Now() - 40 * kDay);
  const GarbageReport report = Collect({.keep = {{.ended_before = Now()}}, .dry_run = true});
  EXPECT_EQ(report.runs.size(), 1U);
  EXPECT_THAT(Left(), ElementsAre(old));
  EXPECT_FALSE(ReadFile(kHere, config_.state_dir + "/events.jsonl"));
}

TEST_F(CollectGarbageTest, GoesOnWithARemovalThatWasCutShort) {
  AddRun(Now());
  ASSERT_TRUE(MakeDirs(config_.state_dir + "/runs/removing-01ARZ3NDEKTSV4RRFFQ69G5FAV/work", 0700));
  EXPECT_THAT(Collect({.keep = {{.ended_before = WallTime()}}}).leftovers, ElementsAre("removing-01ARZ3NDEKTSV4RRFFQ69G5FAV"));
  EXPECT_EQ(Left().size(), 1U);
}

TEST_F(CollectGarbageTest, SweepsACacheOnlyWhenItsBuilderHasGone) {
  AddRun(Now());
  const std::string alive = config_.state_dir + "/cache/etc-1.building-" + std::to_string(getpid());
  ASSERT_TRUE(MakeDirs(alive, 0700));
  ASSERT_TRUE(MakeDirs(config_.state_dir + "/cache/etc-2.building-4194305", 0700));  // above the kernel's highest pid
  ASSERT_TRUE(MakeDirs(config_.state_dir + "/cache/etc-3", 0700));
  EXPECT_THAT(Collect({.keep = {{.ended_before = WallTime()}}}).leftovers, ElementsAre("etc-2.building-4194305"));
  EXPECT_TRUE(FindStat(kHere, alive, false).value());
}

TEST_F(CollectGarbageTest, NoStateDirectoryIsNothingToDo) { EXPECT_THAT(Collect({.keep = {{.ended_before = Now()}}}).runs, IsEmpty()); }

}  // namespace
}  // namespace fumehood
