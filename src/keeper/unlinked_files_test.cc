#include "src/keeper/unlinked_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "src/record/test_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kSize = 256 * 1024;

Fd Written(const std::string& path) {
  auto file = OpenAt(kHere, path, O_RDWR | O_CREAT | O_EXCL, 0600);
  EXPECT_TRUE(file && WriteAll(file->get(), std::string(kSize, 'x')) && Sync(file->get()));
  return file ? std::move(*file) : Fd();
}

class UnlinkedFiles : public ::testing::Test {
 protected:
  DiskUse Measure(int64_t max_descriptors = 100000) const {
    struct stat info {};
    EXPECT_EQ(stat(dir_.path().c_str(), &info), 0);
    return MeasureUnlinked({getpid()}, info.st_dev, geteuid(), max_descriptors);
  }
  TestDir dir_;
};

TEST_F(UnlinkedFiles, CountOnceHoweverOftenTheyAreOpen) {
  const DiskUse before = Measure();
  const Fd file = Written(dir_.path() + "/deleted");
  EXPECT_EQ(Measure().inodes, before.inodes) << "it has a name still, by which it is found";
  ASSERT_EQ(unlink((dir_.path() + "/deleted").c_str()), 0);
  const Fd again(dup(file.get()));
  const DiskUse after = Measure();
  EXPECT_EQ(after.inodes, before.inodes + 1);
  EXPECT_GE(after.bytes, before.bytes + static_cast<int64_t>(kSize));
  EXPECT_TRUE(after.complete);
}

TEST_F(UnlinkedFiles, OfSomebodyElseOrInMemoryDoNotCount) {
  const DiskUse before = Measure();
  const Fd memory(memfd_create("in memory", MFD_CLOEXEC));
  ASSERT_TRUE(WriteAll(memory.get(), std::string(kSize, 'x')));
  EXPECT_EQ(Measure().inodes, before.inodes);
  const Fd file = Written(dir_.path() + "/deleted");
  ASSERT_EQ(unlink((dir_.path() + "/deleted").c_str()), 0);
  struct stat info {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_EQ(MeasureUnlinked({getpid()}, info.st_dev, geteuid() + 1).inodes, 0);
}

TEST_F(UnlinkedFiles, AreNotLookedForBeyondTheBound) { EXPECT_FALSE(Measure(1).complete); }

TEST_F(UnlinkedFiles, OfAProcessThatHasGoneAreNone) {
  const DiskUse use = MeasureUnlinked({0x7fffffff}, 0, geteuid());
  EXPECT_EQ(use.inodes, 0);
  EXPECT_TRUE(use.complete);
}

}  // namespace
}  // namespace fumehood
