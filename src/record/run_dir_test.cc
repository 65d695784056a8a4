#include "src/record/run_dir.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "src/base/ulid.h"
#include "src/record/list_runs.h"
#include "src/record/read_result.h"
#include "src/record/test_dir.h"
#include "src/record/tmp_removal.h"

namespace fumehood {
namespace {

TEST(RunDir, IsMadePrivateWithItsFirstAttempt) {
  const TestDir state;
  const std::string id = NewRunId();
  const RunDir run = MakeRun(state.path(), id).value();
  const AttemptDir attempt = MakeAttempt(run, 1).value();
  EXPECT_EQ(attempt.path, state.path() + "/runs/" + id + "/attempts/1");
  for (const std::string part : {"", "/attempts", "/attempts/1", "/attempts/1/work", "/attempts/1/tmp"}) {
    EXPECT_EQ(state.ModeOf("runs/" + id + part), 0700U) << part;
  }
  ASSERT_TRUE(WriteFileAtomically(attempt.fd.get(), layout::kStdout, "x", 0600, Durability::kLater));
  EXPECT_EQ(state.Get("runs/" + id + "/stdout.log"), "x");
  EXPECT_EQ(MakeRun(state.path(), id).error().code(), ErrorCode::kAlreadyExists);
}

TEST(RunDir, AppearsAmongTheRunsOnlyWhenItIsPublished) {
  const TestDir state;
  const std::string token = NewRunId();
  RunDir run = CreateStagedRun(state.path(), token).value();
  EXPECT_TRUE(ListRuns(state.path()).value().empty());
  ASSERT_TRUE(WriteFileAtomically(run.fd.get(), layout::kSpec, "{}", 0600, Durability::kLater));
  const std::string id = NewRunId();
  ASSERT_TRUE(PublishRun(state.path(), id, run));
  EXPECT_EQ(run.path, state.path() + "/runs/" + id);
  EXPECT_EQ(state.Get("runs/" + id + "/spec.json"), "{}");
  ASSERT_TRUE(DiscardStagedRun(state.path(), token));
  EXPECT_TRUE(state.Has("runs/" + id)) << "what has become a run is not thrown away with the staging";
}

TEST(RunDir, AStagedOneIsDiscardedWithAllThatIsInIt) {
  const TestDir state;
  const std::string token = NewRunId();
  const RunDir run = CreateStagedRun(state.path(), token).value();
  ASSERT_TRUE(MakeAttempt(run, 1));
  ASSERT_TRUE(DiscardStagedRun(state.path(), token));
  EXPECT_FALSE(state.Has("staging/" + token));
}

TEST(RunDir, ShowsTheLastAttempt) {
  const TestDir state;
  const RunDir run = MakeRun(state.path(), NewRunId()).value();
  EXPECT_EQ(OpenLastAttemptDir(run).error().code(), ErrorCode::kNotFound);
  for (int number = 1; number <= 11; ++number) {
    const AttemptDir attempt = MakeAttempt(run, number).value();
    ASSERT_TRUE(WriteFileAtomically(attempt.fd.get(), layout::kStderr, std::to_string(number), 0600, Durability::kLater));
    EXPECT_EQ(ReadFile(run.fd.get(), layout::kStderr).value(), std::to_string(number));
  }
  EXPECT_EQ(OpenLastAttemptDir(run).value().number, 11);
}

TEST(RunDir, OpensOnlyWhatIsARunId) {
  const TestDir state;
  EXPECT_EQ(OpenRunDir(state.path(), "../../etc").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(OpenRunDir(state.path(), NewRunId()).error().code(), ErrorCode::kNotFound);
  const std::string id = NewRunId();
  state.Dir("runs");
  state.Link("runs/" + id, "/etc");
  EXPECT_FALSE(OpenRunDir(state.path(), id));
}

TEST(KeeperHandle, ReadsBackAsItWasWritten) {
  const TestDir dir;
  KeeperHandle handle;
  handle.process = {4711, 1234567890123, "0f0e-boot"};
  handle.attempt = 3;
  handle.hood_uid = 2000000001;
  handle.cgroup_version = "v1";
  handle.cgroup_name = "run";
  handle.cgroup_v2_kill_parent = "/sys/fs/cgroup/unified/\xff";
  handle.cgroup_v1_parents = {{"memory", "/sys/fs/cgroup/memory/x"}, {"pids", "/sys/fs/cgroup/pids/\xfe"}};
  ASSERT_TRUE(WriteKeeperHandle(dir.fd(), handle, Durability::kNow));
  ASSERT_TRUE(WriteKeeperHandle(dir.fd(), handle, Durability::kLater));
  EXPECT_EQ(ReadKeeperHandle(dir.fd()).value(), handle);
}

TEST(KeeperHandle, OfNoProcessIsCorrupt) {
  EXPECT_EQ(ParseKeeperHandle(PrintKeeperHandle({})).error().code(), ErrorCode::kCorrupt);
}

TEST(ListRuns, GivesTheRunsInOrderAndPassesOverTheRest) {
  const TestDir state;
  EXPECT_TRUE(ListRuns(state.path()).value().empty());
  const std::vector<std::string> ids = {"01ARZ3NDEKTSV4RRFFQ69G5FAA", "01ARZ3NDEKTSV4RRFFQ69G5FAB", "01BRZ3NDEKTSV4RRFFQ69G5FAA"};
  state.Dir("runs");
  for (const std::string& id : {ids[2], ids[0], ids[1]}) state.Dir("runs/" + id);
  state.Dir("runs/half-made");
  state.Put("runs/01CRZ3NDEKTSV4RRFFQ69G5FAA", "a file");
  EXPECT_EQ(ListRuns(state.path()).value(), ids);
  EXPECT_EQ(FindRunId(state.path(), "last").value(), ids[2]);
  EXPECT_EQ(FindRunId(state.path(), "01b").value(), ids[2]);
  EXPECT_EQ(FindRunId(state.path(), ids[1]).value(), ids[1]);
  EXPECT_EQ(FindRunId(state.path(), "01A").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(FindRunId(state.path(), "01Z").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(FindRunId(state.path(), "").error().code(), ErrorCode::kNotFound);
}

TEST(RemoveTmp, IsAnEventWithCounts) {
  const TestDir state;
  const RunDir run = MakeRun(state.path(), NewRunId()).value();
  const AttemptDir attempt = MakeAttempt(run, 1).value();
  ASSERT_TRUE(MakeDir(attempt.fd.get(), "tmp/d", 0));
  ASSERT_TRUE(WriteFileAtomically(attempt.fd.get(), "tmp_file", std::string(5000, 'x'), 0600, Durability::kLater));
  ASSERT_EQ(renameat(attempt.fd.get(), "tmp_file", attempt.fd.get(), "tmp/f"), 0);
  EventLog events = EventLog::Open(run.fd.get()).value();
  const RemovedCounts counts = RemoveTmp(attempt.fd.get(), 1, events).value();
  EXPECT_EQ(counts.files, 1);
  EXPECT_GE(counts.bytes, 5000);
  EXPECT_FALSE(FindStat(attempt.fd.get(), "tmp", false).value());
  EXPECT_NE(ReadFile(run.fd.get(), layout::kEvents).value().find("\"type\":\"tmp_removed\",\"attempt\":1,\"files\":1"), std::string::npos);
}

TEST(RemoveTmp, TakesATreeDeeperThanThereAreDescriptors) {
  const TestDir state;
  const RunDir run = MakeRun(state.path(), NewRunId()).value();
  const AttemptDir attempt = MakeAttempt(run, 1).value();
  Fd at = OpenDir(attempt.fd.get(), layout::kTmp).value();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(MakeDir(at.get(), "d", 0700));
    at = OpenDir(at.get(), "d").value();
  }
  at.Reset();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{200, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  EventLog events = EventLog::Open(run.fd.get()).value();
  const auto counts = RemoveTmp(attempt.fd.get(), 1, events);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(counts.value().directories, 1004);  // with tmp itself, the two that it has from the start, and the overlay's scratch
}

}  // namespace
}  // namespace fumehood
