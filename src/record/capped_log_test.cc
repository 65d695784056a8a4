#include "src/record/capped_log.h"

#include <sys/resource.h>

#include <csignal>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "src/record/test_dir.h"

namespace fumehood {
namespace {

// While it lives no file of this process grows beyond `bytes`: the write fails as it does on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

std::string Numbers(int first, int last) {
  std::string text;
  for (int i = first; i < last; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST(CappedLog, KeepsAllThatFits) {
  for (const int64_t limit : {int64_t{0}, int64_t{6}, int64_t{7}, int64_t{1000}}) {
    const TestDir dir;
    CappedLog log = CappedLog::Create(dir.fd(), "stdout.log", limit).value();
    log.Write("abc");
    log.Write("def");
    const FinishedLog finished = log.Finish();
    EXPECT_EQ(dir.Get("stdout.log"), "abcdef") << limit;
    EXPECT_EQ(finished.bytes_dropped, 0);
    EXPECT_EQ(finished.sha256, Sha256Hex("abcdef"));
    EXPECT_FALSE(dir.Has("stdout.log.tail"));
  }
}

TEST(CappedLog, NamesTheBytesDroppedInTheMiddle) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "stdout.log", 10).value();
  log.Write("abcde");
  log.Write("0123456789");
  log.Write("vwxyz");
  const FinishedLog finished = log.Finish();
  const std::string text = dir.Get("stdout.log");
  EXPECT_EQ(text, "abcde\n[fumehood: 10 bytes of output were dropped here; the last 5 bytes follow (output_limit_mb allows 10 in all)]\nvwxyz");
  EXPECT_EQ(finished.bytes_seen, 20);
  EXPECT_EQ(finished.bytes_dropped, 10);
  EXPECT_EQ(finished.sha256, Sha256Hex(text));
}

RC_GTEST_PROP(CappedLog, KeepsExactlyTheFirstAndLastHalf, ()) {
  const auto limit = *rc::gen::inRange<int64_t>(1, 300);
  const auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>());
  const TestDir dir;
  std::string all;
  CappedLog log = CappedLog::Create(dir.fd(), "l", limit).value();
  for (const std::string& part : parts) {
    log.Write(part);
    all += part;
  }
  const FinishedLog finished = log.Finish();
  const std::string text = dir.Get("l");
  RC_ASSERT(finished.sha256 == Sha256Hex(text));
  RC_ASSERT(finished.bytes_seen == static_cast<int64_t>(all.size()));
  const auto head = static_cast<size_t>(limit / 2);
  const auto tail = static_cast<size_t>(limit - limit / 2);
  if (all.size() <= head + tail) {
    RC_ASSERT(text == all);
    RC_ASSERT(finished.bytes_dropped == 0);
  } else {
    RC_ASSERT(text.starts_with(all.substr(0, head)));
    RC_ASSERT(text.ends_with("]\n" + all.substr(all.size() - tail)));
    RC_ASSERT(finished.bytes_dropped == static_cast<int64_t>(all.size() - head - tail));
  }
}

TEST(CappedLog, GoesOnWhenTheDiskIsFullAndSaysWhatIsMissing) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 0).value();
  log.Write("before ");
  {
    const FullDisk full(10);
    log.Write("0123456789");
    log.Write("lost");
    EXPECT_EQ(log.bytes_dropped(), 11);
  }
  log.Write("after\n");
  const FinishedLog finished = log.Finish();
  const std::string text = dir.Get("l");
  EXPECT_TRUE(text.starts_with("before 012\n[fumehood: 11 bytes of output were dropped here; 11 of them could not be written: ")) << text;
  EXPECT_TRUE(text.ends_with("]\nafter\n")) << text;
  EXPECT_EQ(finished.bytes_dropped, 11);
  EXPECT_EQ(finished.bytes_failed, 11);
  EXPECT_FALSE(finished.failure.empty());
  EXPECT_EQ(finished.sha256, Sha256Hex(text));
}

TEST(CappedLog, KeepsTheLastWordsInASmallerRingWhenTheDiskIsFull) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 200000).value();
  const std::string all = Numbers(0, 60000);
  {
    const FullDisk full(110000);
    log.Write(all);
  }
  const FinishedLog finished = log.Finish();
  const std::string text = dir.Get("l");
  EXPECT_TRUE(text.starts_with(all.substr(0, 100000)));
  EXPECT_TRUE(text.ends_with(all.substr(all.size() - 100000))) << text.size();
  EXPECT_EQ(finished.bytes_failed, 0);
  EXPECT_EQ(finished.bytes_dropped, finished.bytes_seen - 200000);
}

TEST(CappedLog, ShrinksTheRingToTheRoomThereIs) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 200000).value();
  const std::string all = Numbers(0, 60000);
  log.Write(all.substr(0, 100000));
  {
    const FullDisk full(50000);
    for (size_t at = 100000; at < all.size(); at += 999) log.Write(std::string_view(all).substr(at, 999));
  }
  const FinishedLog finished = log.Finish();
  const std::string text = dir.Get("l");
  EXPECT_EQ(finished.bytes_failed, 0);
  const auto kept = static_cast<size_t>(finished.bytes_seen - finished.bytes_dropped) - 100000;
  EXPECT_GT(kept, 40000U);
  EXPECT_TRUE(text.ends_with("]\n" + all.substr(all.size() - kept)));
  EXPECT_EQ(finished.sha256, Sha256Hex(text));
}

TEST(CappedLog, LeavesTheTailInTheSideFileWhereItCannotBeAdded) {
  const TestDir dir;
  CappedLog log = CappedLog::Create(dir.fd(), "l", 20000).value();
  const std::string all = Numbers(0, 10000);
  log.Write(all);
  {
    const FullDisk full(15000);
    const FinishedLog finished = log.Finish();
    EXPECT_NE(finished.failure.find("l.tail"), std::string::npos) << finished.failure;
    EXPECT_EQ(finished.sha256, Sha256Hex(all.substr(0, 10000)));
  }
  EXPECT_EQ(dir.Get("l"), all.substr(0, 10000));
  const FinishedLog again = FinishCappedLog(dir.fd(), "l").value();
  EXPECT_TRUE(dir.Get("l").ends_with(all.substr(all.size() - 10000)));
  EXPECT_EQ(again.sha256, Sha256Hex(dir.Get("l")));
}

TEST(FinishCappedLog, PutsTogetherWhatAKilledKeeperLeft) {
  const TestDir dir;
  const std::string all = Numbers(0, 10000);
  {
    CappedLog killed = CappedLog::Create(dir.fd(), "l", 20000).value();
    for (size_t at = 0; at < all.size(); at += 77) killed.Write(std::string_view(all).substr(at, 77));
  }
  const FinishedLog finished = FinishCappedLog(dir.fd(), "l").value();
  const std::string text = dir.Get("l");
  EXPECT_TRUE(text.starts_with(all.substr(0, 10000)));
  EXPECT_TRUE(text.ends_with("]\n" + all.substr(all.size() - 10000)));
  EXPECT_EQ(finished.bytes_seen, static_cast<int64_t>(all.size()));
  EXPECT_EQ(finished.sha256, Sha256Hex(text));
  EXPECT_FALSE(dir.Has("l.tail"));
  EXPECT_EQ(FinishCappedLog(dir.fd(), "l").value().sha256, finished.sha256);
}

TEST(FinishCappedLog, RefusesASideFileThatIsNone) {
  const TestDir dir;
  dir.Put("l", "x");
  dir.Put("l.tail", std::string(5000, 'y'));
  EXPECT_EQ(FinishCappedLog(dir.fd(), "l").error().code(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace fumehood
