#include "src/record/upper_walk.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "src/record/outputs.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

constexpr int64_t kNoLimit = int64_t{1} << 40;

class Recorder : public UpperVisitor {
 public:
  Result<void> Entry(const UpperEntry& entry, int, const std::string&) override {
    order.push_back(entry.path);
    entries[entry.path] = entry;
    return {};
  }
  void Problem(const std::string& path, const std::string& why) override { problems[path] = why; }

  std::vector<std::string> order;
  std::map<std::string, UpperEntry> entries;
  std::map<std::string, std::string> problems;
};

Recorder Walk(const TestDir& dir) {
  Recorder recorder;
  const Result<void> walked = WalkUpper(dir.fd(), recorder);
  EXPECT_TRUE(walked) << walked.error().message();
  return recorder;
}

void MakeDeep(const TestDir& dir, int levels) {
  Fd at = OpenDir(dir.fd(), ".").value();
  for (int i = 0; i < levels; ++i) {
    ASSERT_EQ(mkdirat(at.get(), "d", 0755), 0);
    at = OpenDir(at.get(), "d").value();
  }
  const Fd file = OpenAt(at.get(), "bottom", O_WRONLY | O_CREAT, 0644).value();
  ASSERT_TRUE(WriteAll(file.get(), "x"));
}

TEST(WalkUpper, NamesEveryKindOfEntryInOrder) {
  const TestDir dir;
  dir.Put("b.txt", "hello", 04755);
  dir.Dir("a");
  dir.Put("a/in", "1");
  dir.Link("c", "/etc/passwd");
  dir.Fifo("d");
  dir.Whiteout("e");
  const Recorder walk = Walk(dir);
  EXPECT_EQ(walk.order, (std::vector<std::string>{"a", "a/in", "b.txt", "c", "d", "e"}));
  EXPECT_EQ(walk.entries.at("b.txt").kind, EntryKind::kFile);
  EXPECT_EQ(walk.entries.at("b.txt").mode, 04755U);
  EXPECT_EQ(walk.entries.at("b.txt").size_bytes, 5);
  EXPECT_EQ(walk.entries.at("a").kind, EntryKind::kDirectory);
  EXPECT_EQ(walk.entries.at("c").kind, EntryKind::kSymlink);
  EXPECT_EQ(walk.entries.at("d").kind, EntryKind::kSpecial);
  EXPECT_EQ(walk.entries.at("e").kind, EntryKind::kWhiteout);
  EXPECT_TRUE(walk.problems.empty());
}

TEST(WalkUpper, KnowsOpaqueDirectoriesAndAttributeWhiteouts) {
  const TestDir dir;
  dir.Dir("opaque");
  dir.Dir("marked");
  dir.Put("marked/gone", "");
  dir.Put("marked/here", "");
  dir.Dir("plain");
  dir.Put("plain/kept", "");
  if (setxattr(dir.At("opaque").c_str(), "user.overlay.opaque", "y", 1, 0) != 0) GTEST_SKIP() << "needs attributes: the temporary directory keeps none of users";
  ASSERT_EQ(setxattr(dir.At("marked").c_str(), "user.overlay.opaque", "x", 1, 0), 0);
  ASSERT_EQ(setxattr(dir.At("marked/gone").c_str(), "user.overlay.whiteout", "", 0, 0), 0);
  ASSERT_EQ(setxattr(dir.At("plain/kept").c_str(), "user.overlay.whiteout", "", 0, 0), 0);
  const Recorder walk = Walk(dir);
  EXPECT_TRUE(walk.entries.at("opaque").opaque);
  EXPECT_FALSE(walk.entries.at("marked").opaque);
  EXPECT_EQ(walk.entries.at("marked/gone").kind, EntryKind::kWhiteout);
  EXPECT_EQ(walk.entries.at("marked/here").kind, EntryKind::kFile);
  EXPECT_EQ(walk.entries.at("plain/kept").kind, EntryKind::kFile);
}

TEST(WalkUpper, TakesLongAndStrangeNames) {
  const TestDir dir;
  const std::string longest(255, 'n');
  const std::string strange = "new\nline \x1b[31m \xff";
  dir.Dir(longest);
  dir.Put(longest + "/" + strange, "1");
  EXPECT_TRUE(Walk(dir).entries.contains(longest + "/" + strange));
}

TEST(WalkUpper, StopsAtPathsThatNobodyCouldOpenAndSaysSo) {
  const TestDir dir;
  MakeDeep(dir, 3000);
  const Recorder walk = Walk(dir);
  EXPECT_GT(walk.entries.size(), 1800U);
  EXPECT_EQ(walk.problems.size(), 1U);
  const DiskUse use = MeasureTree(dir.fd(), kNoLimit).value();
  EXPECT_EQ(use.inodes, 3001);
  EXPECT_TRUE(use.complete);
}

TEST(WalkUpper, ReportsWhatItMayNotReadAndGoesOn) {
  if (geteuid() == 0) GTEST_SKIP() << "needs user: root may read everything";
  const TestDir dir;
  dir.Dir("closed", 0);
  dir.Put("open", "1");
  const Recorder walk = Walk(dir);
  EXPECT_TRUE(walk.problems.contains("closed"));
  EXPECT_TRUE(walk.entries.contains("open"));
  EXPECT_FALSE(MeasureTree(dir.fd(), kNoLimit).value().complete);
}

// A directory that turns into a link, and back, as fast as a thread can: whatever the walk sees, it never sees the outside.
TEST(WalkUpper, NeverLeavesTheTreeWhenALinkIsSwappedIn) {
  const TestDir outside;
  outside.Put("secret", "1");
  const TestDir dir;
  dir.Dir("d");
  dir.Put("d/inside", "1");
  dir.Link("link", outside.path());
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop) (void)renameat2(dir.fd(), "d", dir.fd(), "link", RENAME_EXCHANGE);
  });
  size_t seen = 0;
  for (int i = 0; i < 1000; ++i) {
    const Recorder walk = Walk(dir);
    for (const auto& [path, entry] : walk.entries) {
      EXPECT_EQ(path.find("secret"), std::string::npos);
      seen += path.ends_with("inside") ? 1U : 0U;
    }
    const auto file = OpenRegularFile(dir.fd(), "d/secret");
    EXPECT_FALSE(file);
  }
  stop = true;
  swapper.join();
  EXPECT_GT(seen, 0U);
}

TEST(MeasureTree, EndsWhileTheTreeMovesAndGrows) {
  const TestDir dir;
  MakeDeep(dir, 200);
  std::atomic<bool> stop{false};
  std::thread mover([&] {
    for (int i = 0; !stop; ++i) {
      (void)renameat(dir.fd(), "d/d/d", dir.fd(), "moved");
      (void)mkdirat(dir.fd(), std::to_string(i).c_str(), 0755);
      (void)renameat(dir.fd(), "moved", dir.fd(), "d/d/d");
      (void)unlinkat(dir.fd(), std::to_string(i).c_str(), AT_REMOVEDIR);
    }
  });
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(MeasureTree(dir.fd(), kNoLimit));
  stop = true;
  mover.join();
}

TEST(MeasureTree, CountsBlocksOnceForEachFileHoweverManyNames) {
  const TestDir dir;
  dir.Put("f", std::string(1 << 20, 'x'));
  const int64_t one = MeasureTree(dir.fd(), kNoLimit).value().bytes;
  ASSERT_EQ(linkat(dir.fd(), "f", dir.fd(), "g", 0), 0);
  const DiskUse use = MeasureTree(dir.fd(), kNoLimit).value();
  EXPECT_EQ(use.bytes, one);
  EXPECT_EQ(use.inodes, 2);
  EXPECT_FALSE(MeasureTree(dir.fd(), 2).value().complete);
}

TEST(OpenRegularFile, OpensNothingElse) {
  const TestDir dir;
  dir.Put("file", "x");
  dir.Fifo("fifo");
  dir.Whiteout("whiteout");
  dir.Dir("dir");
  dir.Link("link", "file");
  dir.Link("up", "..");
  const Fd sock(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir.At("socket");
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(sock.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(OpenRegularFile(dir.fd(), "file"));
  for (const std::string name : {"fifo", "whiteout", "dir", "link", "up", "socket", "up/passwd", "../file", "/etc/passwd", "missing"}) {
    EXPECT_FALSE(OpenRegularFile(dir.fd(), name)) << name;
  }
}

}  // namespace
}  // namespace fumehood
