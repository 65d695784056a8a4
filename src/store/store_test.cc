#include "src/store/store.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "src/record/change_log.h"
#include "src/record/pins.h"
#include "src/record/test_dir.h"
#include "src/store/list_from_runs.h"
#include "src/store/run_filter.h"
#include "src/store/test_runs.h"

namespace fumehood {
namespace {

class StoreTest : public testing::Test {
 protected:
  Store Open() {
    StoreOptions options;
    options.tell = [this](const std::string& sentence) { told_.push_back(sentence); };
    auto store = Store::Open(state(), options);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(store).value();
  }
  RunId Make(MadeRun made = {}) {
    NoteChange(state(), made.id, change::kBegins);
    const auto done = MakeRun(state(), made);
    EXPECT_TRUE(done) << done.error().message();
    return made.id;
  }
  static std::vector<RunId> Ids(Store& store, const RunQuery& query = {}) {
    auto page = store.List(query);
    EXPECT_TRUE(page) << page.error().message();
    std::vector<RunId> ids;
    for (const RunRow& row : page->rows) ids.push_back(row.id);
    return ids;
  }
  std::string state() const { return dir_.path() + "/state"; }

  TestDir dir_;
  std::vector<std::string> told_;
};

TEST_F(StoreTest, ListsWhatWasMadeSinceItWasOpened) {
  Store store = Open();
  EXPECT_TRUE(Ids(store).empty());
  const RunId id = Make();
  ASSERT_TRUE(store.CatchUp());
  EXPECT_EQ(Ids(store), std::vector<RunId>{id});
  EXPECT_TRUE(told_.empty());
}

TEST_F(StoreTest, AKeyBelongsToWhoeverClaimsItFirst) {
  Store store = Open();
  const RunId first = NewRunId();
  const RunId second = NewRunId();
  EXPECT_EQ(*store.ClaimKey("k", first), first);
  EXPECT_EQ(*store.ClaimKey("k", second), first);
  ASSERT_TRUE(store.ReleaseKey("k", second));
  EXPECT_EQ(*store.ClaimKey("k", second), first);
  ASSERT_TRUE(store.ReleaseKey("k", first));
  EXPECT_EQ(*store.ClaimKey("k", second), second);
  ASSERT_TRUE(store.Reindex());
  EXPECT_EQ(*store.ClaimKey("k", first), second);
}

TEST_F(StoreTest, IsMadeAnewWhereItIsMissing) {
  const RunId id = Make();
  { Store store = Open(); }
  ASSERT_EQ(unlink((state() + "/store.db").c_str()), 0);
  told_.clear();
  Store store = Open();
  EXPECT_EQ(Ids(store), std::vector<RunId>{id});
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(StoreTest, KnowsOfARunWhatItsDirectoryTells) {
  MadeRun made;
  made.spec.labels = {{"project", "cells"}, {"pipeline", "nightly"}, {"step", "fit"}, {"a_hex", "zz"}};
  made.spec.profile = "tool";
  made.spec.priority = 7;
  made.input_bytes = 12345;
  made.memory_peak_mb = 321.5;
  const RunId id = Make(made);
  ASSERT_TRUE(Pin(state(), id));
  Store store = Open();
  const auto row = store.Find(id);
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->name, "fit");
  EXPECT_EQ((*row)->labels, made.spec.labels);
  EXPECT_EQ((*row)->pipeline, "nightly");
  EXPECT_EQ((*row)->step, "fit");
  EXPECT_EQ((*row)->profile, "tool");
  EXPECT_EQ((*row)->priority, 7);
  EXPECT_EQ((*row)->uid, 1000);
  EXPECT_EQ((*row)->input_bytes, 12345);
  EXPECT_EQ((*row)->memory_peak_mb, 321.5);
  EXPECT_EQ((*row)->memory_limit_mb, 2048);
  EXPECT_EQ((*row)->runtime_lock, std::string(64, 'c'));
  EXPECT_TRUE((*row)->pinned);
  EXPECT_EQ((*row)->analysis, AnalysisFingerprint(made.spec));
  const auto run = OpenRunDir(state(), id);
  EXPECT_EQ(**row, ReadRunRow(state(), *run));
}

TEST_F(StoreTest, AnEndIsFinal) {
  const RunId id = Make();
  Store store = Open();
  RunRow stale = **store.Find(id);
  stale.status = RunStatus::kRunning;
  ASSERT_TRUE(store.Upsert(stale));
  EXPECT_EQ((*store.Find(id))->status, RunStatus::kCompleted);
}

TEST_F(StoreTest, ARunThatWasAnnouncedIsKnownAsSoonAsItIsThere) {
  Store store = Open();
  MadeRun made;
  NoteChange(state(), made.id, change::kBegins);
  ASSERT_TRUE(store.CatchUp());
  EXPECT_TRUE(Ids(store).empty());
  ASSERT_TRUE(MakeRun(state(), made));
  ASSERT_TRUE(store.CatchUp());
  EXPECT_EQ(Ids(store), std::vector<RunId>{made.id});
}

TEST_F(StoreTest, SeesRunsThatCameAndWentWithoutAWord) {
  Store store = Open();
  const RunId first = Make();
  ASSERT_TRUE(store.CatchUp());
  MadeRun silent;
  ASSERT_TRUE(MakeRun(state(), silent));
  ASSERT_TRUE(store.CatchUp());
  EXPECT_EQ(Ids(store), (std::vector<RunId>{std::max(first, silent.id), std::min(first, silent.id)}));
  ASSERT_TRUE(RemoveTree(OpenRunsDir(state())->get(), silent.id));
  EXPECT_EQ(Ids(store), std::vector<RunId>{first});
}

TEST_F(StoreTest, FollowsManyChangesAndTheCutOfTheirLog) {
  Store store = Open();
  const RunId first = Make();
  for (int i = 0; i < 40000; ++i) NoteChange(state(), first, change::kEnded);  // more than a mebibyte
  ASSERT_TRUE(store.CatchUp());
  EXPECT_FALSE(FindStat(kHere, state() + "/changes.log", false).value());
  EXPECT_TRUE(FindStat(kHere, state() + "/changes.log.old", false).value());
  const RunId second = Make();
  ASSERT_TRUE(store.CatchUp());
  EXPECT_EQ(Ids(store).size(), 2U);
  Store other = Open();
  EXPECT_EQ(Ids(other).size(), 2U);
  EXPECT_TRUE(told_.empty());
}

TEST_F(StoreTest, GoesOnWhenAnotherHasSetTheFileAside) {
  const RunId id = Make();
  Store store = Open();
  for (const char* name : {"/store.db", "/store.db-wal", "/store.db-shm"}) (void)unlink((state() + name).c_str());
  Store other = Open();
  const RunId late = Make();
  ASSERT_TRUE(store.CatchUp());
  EXPECT_EQ(Ids(store).size(), 2U);
  ASSERT_TRUE(store.ClaimKey("k", late));
  EXPECT_EQ(*other.ClaimKey("k", id), late);
}

TEST_F(StoreTest, PagesGoOnBehindTheLastRun) {
  std::vector<RunId> made;
  for (int i = 0; i < 7; ++i) made.push_back(Make());
  std::sort(made.rbegin(), made.rend());
  Store store = Open();
  std::vector<RunId> seen;
  RunQuery query{.limit = 3};
  for (;;) {
    const RunPage page = store.List(query).value();
    for (const RunRow& row : page.rows) seen.push_back(row.id);
    if (!page.more) break;
    query.after = seen.back();
  }
  EXPECT_EQ(seen, made);
}

TEST_F(StoreTest, ADamagedRecordIsShownAndTold) {
  const RunId id = Make();
  const auto run = OpenRunDir(state(), id);
  ASSERT_TRUE(WriteFileAtomically(run->fd.get(), layout::kResult, "{", 0600, Durability::kLater));
  Store store = Open();
  const RunPage page = store.List({}).value();
  ASSERT_EQ(page.rows.size(), 1U);
  EXPECT_EQ(page.rows[0].status, RunStatus::kUnknown);
  EXPECT_EQ(page.problems.size(), 1U);
}

TEST_F(StoreTest, LabelsRuntimesTimesAndPinsFilterAsThePlainFunctionDoes) {
  for (int i = 0; i < 60; ++i) {
    MadeRun made;
    made.spec.name = i % 3 == 0 ? "fit-" + std::to_string(i) : "plot";
    made.spec.runtime = i % 4 == 0 ? "r-base" : "python3";
    made.spec.labels = {{"project", i % 2 == 0 ? "cells" : "paper"}, {"batch", std::to_string(i % 5)}};
    if (i % 7 == 0) made.status = RunStatus::kFailed;
    if (i % 7 == 0) made.reason = Reason::kTimeout;
    Make(made);
    if (i % 10 == 0) {
      ASSERT_TRUE(Pin(state(), made.id));
    }
  }
  Store store = Open();
  const auto all = store.List({}).value().rows;
  ASSERT_EQ(all.size(), 60U);
  std::vector<RunFilter> filters(10);
  filters[0].statuses = {RunStatus::kFailed, RunStatus::kKilled};
  filters[1].labels = {{"project", "cells"}, {"batch", "3"}};
  filters[2].runtime = "r-base";
  filters[3].reason = Reason::kTimeout;
  filters[4].name_glob = "fit-[1-4]*";
  filters[5].since_us = all[20].submitted_us;
  filters[6].until_us = all[20].submitted_us;
  filters[7].pinned = true;
  filters[8] = {.labels = {{"project", "paper"}}, .runtime = "python3", .name_glob = "p*", .ended = true};
  filters[9].analysis = all[0].analysis;
  for (size_t i = 0; i < filters.size(); ++i) {
    std::vector<RunId> expected;
    for (const RunRow& row : all) {
      if (Matches(filters[i], row)) expected.push_back(row.id);
    }
    EXPECT_FALSE(expected.empty()) << i;
    EXPECT_EQ(Ids(store, {.filter = filters[i]}), expected) << i;
    const RunPage plain = ListFromRuns(state(), {}, {.filter = filters[i]}).value();
    std::vector<RunId> without;
    for (const RunRow& row : plain.rows) without.push_back(row.id);
    EXPECT_EQ(without, expected) << i;
  }
  for (const RunOrder order : {RunOrder::kOldest, RunOrder::kName, RunOrder::kWall, RunOrder::kMemory, RunOrder::kCpu, RunOrder::kFinished}) {
    const RunPage plain = ListFromRuns(state(), {}, {.order = order}).value();
    std::vector<RunId> without;
    for (const RunRow& row : plain.rows) without.push_back(row.id);
    EXPECT_EQ(Ids(store, {.order = order}), without) << static_cast<int>(order);
  }
}

TEST(AnalysisFingerprint, PathsOfDataDoNotCount) {
  AnalysisSpec one{.command = {"python3", "fit.py", "--in=/data/a.csv"}, .inputs = {{.path = "/data/a.csv"}}};
  AnalysisSpec two{.command = {"python3", "fit.py", "--in=/data/b.csv"}, .inputs = {{.path = "/data/b.csv"}}};
  EXPECT_EQ(AnalysisFingerprint(one), AnalysisFingerprint(two));
  two.command[1] = "plot.py";
  EXPECT_NE(AnalysisFingerprint(one), AnalysisFingerprint(two));
  two = one;
  two.runtime = "r-base";
  EXPECT_NE(AnalysisFingerprint(one), AnalysisFingerprint(two));
}

}  // namespace
}  // namespace fumehood
