#include "src/record/change_log.h"

#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "src/base/ulid.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

// All that is new, to the end.
std::vector<Change> ReadAll(const TestDir& dir, ChangePlace& place, bool* missed = nullptr) {
  std::vector<Change> all;
  for (;;) {
    const NewChanges news = ReadChanges(dir.path(), place).value();
    if (missed != nullptr) *missed = news.missed;
    place = news.place;
    if (news.changes.empty()) return all;
    all.insert(all.end(), news.changes.begin(), news.changes.end());
  }
}

TEST(ChangeLog, TellsWhatCameSince) {
  const TestDir dir;
  ChangePlace place;
  EXPECT_TRUE(ReadAll(dir, place).empty());
  const RunId first = NewRunId();
  const RunId second = NewRunId();
  NoteChange(dir.path(), first, change::kBegins);
  NoteChange(dir.path(), second, change::kBegins);
  auto news = ReadAll(dir, place);
  ASSERT_EQ(news.size(), 2U);
  EXPECT_EQ(news[1].id, second);
  EXPECT_EQ(news[1].what, change::kBegins);
  EXPECT_EQ(dir.ModeOf(kChangeLog), 0600U);
  NoteChange(dir.path(), first, change::kEnded);
  news = ReadAll(dir, place);
  ASSERT_EQ(news.size(), 1U);
  EXPECT_EQ(news[0].what, change::kEnded);
}

TEST(ChangeLog, WhoeverReadAnotherFileMissedSomething) {
  const TestDir dir;
  ChangePlace place;
  bool missed = false;
  NoteChange(dir.path(), NewRunId(), change::kBegins);
  ReadAll(dir, place, &missed);
  EXPECT_FALSE(missed);
  // Removed, written anew, and shrunk to nothing.
  const std::string path = dir.At(kChangeLog);
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_TRUE(ReadChanges(dir.path(), place)->missed);
  NoteChange(dir.path(), NewRunId(), change::kBegins);
  EXPECT_TRUE(ReadChanges(dir.path(), place)->missed);
  place = NearEndOfChanges(dir.path()).value();
  ReadAll(dir, place, &missed);
  EXPECT_FALSE(missed);
  ASSERT_EQ(truncate(path.c_str(), 0), 0);
  EXPECT_TRUE(ReadChanges(dir.path(), place)->missed);
}

TEST(ChangeLog, AFragmentIsNoLine) {
  const TestDir dir;
  ChangePlace place;
  const RunId id = NewRunId();
  dir.Put(kChangeLog, id.substr(0, 10));
  EXPECT_FALSE(ReadChanges(dir.path(), place)->missed);
  NoteChange(dir.path(), id, change::kBegins);
  EXPECT_TRUE(ReadChanges(dir.path(), place)->missed);
}

TEST(ChangeLog, IsNeverWrittenThroughALink) {
  const TestDir dir;
  dir.Put("other", "");
  dir.Link(kChangeLog, "other");
  NoteChange(dir.path(), NewRunId(), change::kBegins);
  EXPECT_EQ(dir.Get("other"), "");
}

TEST(ChangeLog, NearTheEndIsTheEndOfALine) {
  const TestDir dir;
  for (int i = 0; i < 2000; ++i) NoteChange(dir.path(), NewRunId(), change::kEnded);
  for (const int64_t back : {0, 100, 4096, 1000000}) {
    ChangePlace place = NearEndOfChanges(dir.path(), back).value();
    bool missed = true;
    const auto lines = ReadAll(dir, place, &missed);
    EXPECT_FALSE(missed) << back;
    EXPECT_GE(lines.size() * 33, std::min<size_t>(static_cast<size_t>(back), size_t{2000} * 33)) << back;
    EXPECT_LE(lines.size(), 2000U);
  }
}

TEST(ChangeLog, NoLineIsLostWhileItIsCut) {
  const TestDir dir;
  constexpr int kWriters = 4;
  constexpr int kLines = 3000;
  std::vector<std::vector<RunId>> written(kWriters);
  std::atomic<int> at_work{kWriters};
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kLines; ++i) {
        written[static_cast<size_t>(w)].push_back(NewRunId());
        NoteChange(dir.path(), written[static_cast<size_t>(w)].back(), change::kBegins);
      }
      --at_work;
    });
  }
  std::map<RunId, int> seen;
  ChangePlace place;
  int cuts = 0;
  const auto take = [&](const NewChanges& news) {
    EXPECT_FALSE(news.missed);
    for (const Change& change : news.changes) ++seen[change.id];
    place = news.place;
    return !news.changes.empty();
  };
  while (at_work > 0) {
    (void)take(ReadChanges(dir.path(), place).value());
    if (take(CutChanges(dir.path(), place).value())) ++cuts;
  }
  for (std::thread& writer : writers) writer.join();
  while (take(ReadChanges(dir.path(), place).value())) {
  }
  for (const auto& ids : written) {
    for (const RunId& id : ids) EXPECT_TRUE(seen.contains(id)) << id;
  }
  EXPECT_EQ(seen.size(), size_t{kWriters} * kLines);
}

}  // namespace
}  // namespace fumehood
