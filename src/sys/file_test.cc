#include "src/sys/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "src/sys/copy_tree.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/file_test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    dir_ = std::move(OpenDir(kHere, path_)).value();
  }
  void TearDown() override { (void)RemoveTree(kHere, path_); }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(dir_.get(), name, text, 0644, Durability::kLater));
  }

  std::string path_;
  Fd dir_;
};

TEST_F(FileTest, OpenBeneathNeverLeavesTheDirectory) {
  ASSERT_EQ(symlinkat("/etc/passwd", dir_.get(), "link"), 0);
  ASSERT_TRUE(MakeDir(dir_.get(), "sub", 0755));
  EXPECT_FALSE(OpenBeneath(dir_.get(), "link", O_RDONLY));
  EXPECT_FALSE(OpenBeneath(dir_.get(), "../" + path_.substr(path_.rfind('/') + 1), O_RDONLY));
  EXPECT_FALSE(OpenBeneath(dir_.get(), "/etc/passwd", O_RDONLY));
  EXPECT_TRUE(OpenBeneath(dir_.get(), "sub/..", O_RDONLY | O_DIRECTORY)) << "within the directory .. is harmless";
}

TEST_F(FileTest, PublishFileLetsTheFirstWriterWin) {
  ASSERT_TRUE(PublishFile(dir_.get(), "result", "first", 0600, Durability::kNow));
  const auto second = PublishFile(dir_.get(), "result", "second", 0600, Durability::kNow);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(*ReadFile(dir_.get(), "result"), "first");
  EXPECT_EQ(ListDir(dir_.get())->size(), 1U) << "nothing half-made stays";
}

TEST_F(FileTest, ReadFileRefusesMoreThanItsLimit) {
  Write("large", std::string(100000, 'x'));
  EXPECT_EQ(ReadFile(dir_.get(), "large", 99999).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(dir_.get(), "large", 100000)->size(), 100000U);
}

TEST_F(FileTest, FindFileGivesAbsenceAsAValue) {
  const auto found = FindFile(dir_.get(), "nothing");
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
}

TEST_F(FileTest, RemoveTreeFollowsNoLink) {
  ASSERT_TRUE(MakeDir(dir_.get(), "keep", 0755));
  ASSERT_TRUE(MakeDir(dir_.get(), "gone", 0755));
  Write("kept", "x");
  ASSERT_EQ(symlinkat("../keep", dir_.get(), "gone/link"), 0);
  const auto removed = RemoveTree(dir_.get(), "gone");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->files, 1);
  EXPECT_EQ(removed->directories, 1);
  EXPECT_TRUE(FindStat(dir_.get(), "keep", false)->has_value());
}

TEST_F(FileTest, RemoveTreeTakesDirectoriesWithoutPermissionBits) {
  ASSERT_TRUE(MakeDir(dir_.get(), "closed", 0755));
  ASSERT_EQ(mkdirat(dir_.get(), "closed/inner", 0755), 0);
  ASSERT_EQ(fchmodat(dir_.get(), "closed/inner", 0, 0), 0);
  EXPECT_TRUE(RemoveTree(dir_.get(), "closed"));
}

TEST_F(FileTest, CopyTreeCopiesFilesAndLinksAndLeavesOutTheRest) {
  ASSERT_TRUE(MakeDir(dir_.get(), "from", 0755));
  ASSERT_EQ(mkfifoat(dir_.get(), "from/fifo", 0644), 0);
  ASSERT_EQ(symlinkat("a", dir_.get(), "from/link"), 0);
  const Fd from = std::move(OpenDir(dir_.get(), "from")).value();
  ASSERT_TRUE(WriteFileAtomically(from.get(), "a", "data", 04755, Durability::kLater));
  ASSERT_TRUE(CopyTree(dir_.get(), "from", dir_.get(), "to"));
  const Fd to = std::move(OpenDir(dir_.get(), "to")).value();
  EXPECT_EQ(*ReadFile(to.get(), "a"), "data");
  EXPECT_EQ((*FindStat(to.get(), "a", false))->st_mode & 07000, 0U) << "no setuid bit comes along";
  EXPECT_TRUE(S_ISLNK((*FindStat(to.get(), "link", false))->st_mode));
  EXPECT_FALSE(FindStat(to.get(), "fifo", false)->has_value());
}

TEST(Fd, SelfMoveKeepsIt) {
  Fd fd(dup(0));
  const int raw = fd.get();
  Fd& same = fd;
  fd = std::move(same);
  EXPECT_EQ(fd.get(), raw);
}

TEST(Processes, AnIdentityIsOfOneProcessForEver) {
  const auto self = IdentityOf(getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(FindByIdentity(*self)->valid());
  ProcessIdentity reused = *self;
  ++reused.start_ticks;
  EXPECT_FALSE(FindByIdentity(reused)->valid());
  ProcessIdentity before_boot = *self;
  before_boot.boot_id = "another";
  EXPECT_FALSE(FindByIdentity(before_boot)->valid());
}

TEST(Spawn, GivesExactlyTheDescriptorsThatWereAskedFor) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  SpawnRequest request;
  request.path = "/bin/sh";
  request.argv = {"sh", "-c", "ls /proc/self/fd | tr '\\n' ' '"};
  request.env = {"PATH=/usr/bin:/bin"};
  request.stdout_fd = pipe->write.get();
  const auto pid = Spawn(request);
  ASSERT_TRUE(pid);
  pipe->write.Reset();
  EXPECT_EQ(*ReadFd(pipe->read.get(), 1000), "0 1 2 3 ") << "3 is ls' own";
}

}  // namespace
}  // namespace fumehood
