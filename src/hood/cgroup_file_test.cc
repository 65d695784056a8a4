#include "src/hood/cgroup_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "src/sys/file.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CgroupFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "cgroup_file.XXXXXX";
    ASSERT_NE(mkdtemp(path_.data()), nullptr);
    dir_ = OpenDir(kHere, path_).value();
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void Put(const char* file, const std::string& text) {
    const auto opened = OpenAt(dir_.get(), file, O_WRONLY | O_CREAT, 0644);
    ASSERT_TRUE(opened && WriteAll(opened->get(), text));
  }

  std::string path_;
  Fd dir_;
};

// A plain file keeps what lay beyond the value that was written, as a kernel that keeps something else does.
TEST_F(CgroupFileTest, ALimitThatReadsBackDifferentIsAnErrorThatNamesTheFile) {
  Put("cpu.max", "max 100000\n");
  Put("memory.max", "9999\n");
  const auto text = SetText({dir_.get(), path_}, "cpu.max", "5");
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message(), HasSubstr("cpu.max' reads '5ax 100000' after '5' was written"));
  EXPECT_FALSE(SetBytes({dir_.get(), path_}, "memory.max", 1));
  EXPECT_TRUE(SetBytes({dir_.get(), path_}, "memory.max", 8888));
  EXPECT_EQ(SetText({dir_.get(), path_}, "gone", "1").error().code(), ErrorCode::kNotFound);
}

TEST_F(CgroupFileTest, ADirectoryOfAnotherFileSystemIsRefused) {
  EXPECT_FALSE(RequireCgroupFs(dir_.get(), CgroupVersion::kV2, path_));
  EXPECT_FALSE(RequireCgroupFs(dir_.get(), CgroupVersion::kV1, path_));
}

TEST_F(CgroupFileTest, NumbersAndWordsAreEmptyWhereThereAreNone) {
  Put("pids.max", "max\n");
  Put("pids.current", "12\n");
  Put("cgroup.controllers", "cpuset cpu\n");
  EXPECT_EQ(FindNumber(dir_.get(), "pids.max"), std::nullopt);
  EXPECT_EQ(FindNumber(dir_.get(), "pids.peak"), std::nullopt);
  EXPECT_EQ(FindNumber(dir_.get(), "pids.current"), 12);
  EXPECT_THAT(ReadWords(dir_.get(), "cgroup.controllers"), ElementsAre("cpuset", "cpu"));
}

TEST(CgroupValues, AreFoundByTheirWholeKey) {
  EXPECT_EQ(ValueOf("oom 1\noom_kill 2\n", "oom_kill"), 2);
  EXPECT_EQ(ValueOf("oom_kill 2\noom 1", "oom"), 1);
  EXPECT_EQ(ValueOf("oom 1x\n", "oom"), std::nullopt);
  EXPECT_EQ(ValueOf("", "oom"), std::nullopt);
}

}  // namespace
}  // namespace fumehood
