#include "src/record/log_reader.h"

#include <fcntl.h>

#include <regex>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "src/record/capped_log.h"
#include "src/record/test_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using Until = LogReader::Until;

LogReader Reader(const TestDir& dir, int64_t from = 0, Until until = Until::kEnd) {
  return LogReader(OpenDir(dir.fd(), ".").value(), "l", from, until);
}

std::string All(LogReader& reader, int64_t limit = 7) {
  std::string text;
  for (std::string part; !(part = reader.Next(limit).value()).empty();) text += part;
  return text;
}

TEST(LogReader, HandsOutWhatComesWhenItComes) {
  const TestDir dir;
  LogReader reader = Reader(dir);
  EXPECT_EQ(All(reader), "");
  CappedLog log = CappedLog::Create(dir.fd(), "l", 0).value();
  log.Write("one\n");
  EXPECT_EQ(All(reader), "one\n");
  EXPECT_EQ(All(reader), "");
  log.Write("two\n");
  log.Finish();
  EXPECT_EQ(All(reader), "two\n");
}

TEST(LogReader, GoesOnInTheRingAndDropsNothingWhereItKeepsUp) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 20).value();
  LogReader reader = Reader(dir);
  std::string all;
  std::string read;
  for (int i = 0; i < 50; ++i) {
    const std::string line = std::to_string(i) + "\n";
    log.Write(line);
    all += line;
    read += All(reader);
    EXPECT_EQ(read, all);
  }
  log.Finish();
  read += All(reader);
  EXPECT_EQ(read, all);
}

TEST(LogReader, SaysHowManyBytesItMissed) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 10).value();
  LogReader reader = Reader(dir);
  log.Write("abcde");
  log.Write("0123456789");
  log.Write("vwxyz");
  EXPECT_EQ(All(reader), "abcde\n[fumehood: 10 bytes of output were dropped here]\nvwxyz");
  log.Write("987654321\n");
  log.Finish();
  EXPECT_EQ(All(reader), "\n[fumehood: 5 bytes of output were dropped here]\n4321\n");
}

TEST(LogReader, SaysThatTheLastBytesAreLost) {
  const TestDir dir;
  dir.Put("l", "head");
  const Fd ring = OpenAt(dir.fd(), "l.tail", O_RDWR | O_CREAT, 0600).value();
  RingState state;
  state.file_size = 4;
  state.seen = 10;
  state.unmarked = state.failed = 6;
  state.ring_size = 5;
  SaveRingState(ring, state);
  LogReader reader = Reader(dir);
  EXPECT_EQ(All(reader), "head\n[fumehood: 6 bytes of output were dropped here]\n");
}

TEST(LogReader, TakesNoByteOfThoseThatMayBeWrittenOver) {
  const TestDir dir;
  dir.Put("l", "head");
  const Fd ring = OpenAt(dir.fd(), "l.tail", O_RDWR | O_CREAT, 0600).value();
  RingState state;
  state.file_size = 4;
  state.seen = 9;
  state.ring_size = state.ring_in = state.ring_kept = 5;
  state.claimed = 2;
  SaveRingState(ring, state);
  dir.Put("l.tail", ReadFile(dir.fd(), "l.tail").value() + std::string(kRingStart - sizeof state, '\0') + "XYcde");
  LogReader reader = Reader(dir);
  EXPECT_EQ(All(reader), "head\n[fumehood: 2 bytes of output were dropped here]\ncde");
  // Nor does what is put together after the writer's death.
  FinishCappedLog(dir.fd(), "l").value();
  EXPECT_TRUE(dir.Get("l").ends_with("]\ncde")) << dir.Get("l");
}

TEST(LogReader, TakesTheLastBytesOutOfTheRing) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 10).value();
  log.Write("abcde0123456789vwxyz");
  for (const bool finished : {false, true}) {
    if (finished) log.Finish();
    LogReader three = Reader(dir, -3, Until::kPresentEnd);
    EXPECT_EQ(All(three), "xyz");
    LogReader five = Reader(dir, -5, Until::kPresentEnd);
    EXPECT_EQ(All(five), "vwxyz");
  }
}

TEST(LogReader, BeginsInTheFileWhereTheRingHoldsLessThanIsWanted) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 10).value();
  log.Write("abcde0123456789vwxyz");
  LogReader reader = Reader(dir, -7, Until::kPresentEnd);
  EXPECT_EQ(All(reader), "de\n[fumehood: 10 bytes of output were dropped here]\nvwxyz");
}

TEST(LogReader, StopsAtWhatWasTheEndWhereNothingIsToBeWaitedFor) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 10).value();
  log.Write("abcdevwxyz");
  LogReader reader = Reader(dir, 0, Until::kPresentEnd);
  EXPECT_EQ(reader.Next(100).value(), "abcde");
  EXPECT_EQ(reader.Next(100).value(), "vwxyz");
  log.Write("more");
  EXPECT_EQ(reader.Next(100).value(), "");
}

// Whenever and how much it reads: markers and bytes add up to what was written, in order, and its end is the log's tail.
// No newlines among the bytes: one before a marker is then the marker's.
RC_GTEST_PROP(LogReader, NeverGoesBackAndEndsWithTheTailOfTheLog, ()) {
  const auto limit = *rc::gen::inRange<int64_t>(1, 200);
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", limit).value();
  LogReader reader = Reader(dir);
  std::string all;
  std::string read;
  const int writes = *rc::gen::inRange(0, 40);
  for (int i = 0; i < writes; ++i) {
    const auto part = *rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
    log.Write(part);
    all += part;
    if (*rc::gen::inRange(0, 3) == 0) read += reader.Next(*rc::gen::inRange<int64_t>(1, 100)).value();
  }
  const bool before = *rc::gen::arbitrary<bool>();
  if (before) read += All(reader);
  log.Finish();
  read += All(reader);
  // Each marker is replaced by what it stands for.
  static const std::regex marker("(\\n?)\\[fumehood: (\\d+) bytes of output were dropped here[^\\]]*\\]\\n");
  std::string whole;
  size_t at = 0;
  for (std::sregex_iterator it(read.begin(), read.end(), marker), end; it != end; ++it) {
    whole += read.substr(at, static_cast<size_t>(it->position()) - at);
    whole += all.substr(whole.size(), std::stoul(it->str(2)));
    at = static_cast<size_t>(it->position() + it->length());
  }
  whole += read.substr(at);
  RC_ASSERT(whole == all);
  const auto tail = static_cast<size_t>(limit - limit / 2);
  if (all.size() > tail) RC_ASSERT(read.ends_with(all.substr(all.size() - tail)));
}

}  // namespace
}  // namespace fumehood
