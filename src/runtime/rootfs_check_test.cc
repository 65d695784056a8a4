#include "src/runtime/rootfs_check.h"

#include <fcntl.h>

#include "src/runtime/rootfs_manifest.h"
#include "src/runtime/test_rootfs.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The list of files, and checks against it.

class CheckRootfsTest : public ImportRootfsTest {
 protected:
  CheckRootfsTest() {
    TestArchive archive;
    archive.Dir("usr").File("usr/a", "aaaa").File("usr/b", "bbbb", 0755).Link("bin", "usr").File("usr/odd\t%\nname", "x");
    record_ = Import(archive.Bytes()).value();
  }
  std::vector<std::string> Faults(CheckDepth depth, const std::string& identity = "") {
    std::vector<std::string> texts;
    const std::vector<RuntimeFault> faults = CheckRootfs(dir_.At("to/r"), depth, identity).value();
    for (const RuntimeFault& fault : faults) {
      texts.push_back(std::string(kRuntimeFaultNames[static_cast<size_t>(fault.what)]) + " " + fault.path);
    }
    return texts;
  }
  void ChangeInPlace(const std::string& path, const std::string& text) {
    const auto before = FindStat(dir_.fd(), path, false).value();
    const Fd file = OpenAt(dir_.fd(), path, O_WRONLY).value();
    ASSERT_TRUE(WriteAll(file.get(), text));
    const struct timespec times[2] = {before->st_atim, before->st_mtim};
    ASSERT_EQ(futimens(file.get(), times), 0);
  }
  RootfsRecord record_;
};

TEST_F(CheckRootfsTest, WhatWasJustUnpackedIsAsItShouldBe) {
  EXPECT_THAT(Faults(CheckDepth::kQuick), IsEmpty());
  EXPECT_THAT(Faults(CheckDepth::kDeep, record_.identity), IsEmpty());
}

TEST_F(CheckRootfsTest, EveryKindOfDifferenceIsFoundByItsName) {
  ASSERT_EQ(unlink(dir_.At(Tree("usr/a")).c_str()), 0);
  ASSERT_EQ(chmod(dir_.At(Tree("usr/b")).c_str(), 0700), 0);
  ASSERT_EQ(unlink(dir_.At(Tree("bin")).c_str()), 0);
  dir_.Link(Tree("bin"), "/elsewhere");
  dir_.Put(Tree("usr/new"), "x");
  for (const CheckDepth depth : {CheckDepth::kQuick, CheckDepth::kDeep}) {
    EXPECT_THAT(Faults(depth), ElementsAre("changed bin", "missing usr/a", "changed usr/b", "foreign usr/new"));
  }
}

TEST_F(CheckRootfsTest, AChangeOfTheSameSizeIsSeenByItsTimeAndWithoutThatByItsBytes) {
  dir_.Put(Tree("usr/a"), "AAAA");
  EXPECT_THAT(Faults(CheckDepth::kQuick), ElementsAre("changed usr/a"));
  dir_.Put(Tree("usr/a"), "aaaa");
  EXPECT_THAT(Faults(CheckDepth::kDeep), IsEmpty()) << "a time alone is no fault where every byte was read";
  ChangeInPlace(Tree("usr/b"), "BBBB");
  EXPECT_THAT(Faults(CheckDepth::kDeep), ElementsAre("changed usr/b"));
}

TEST_F(CheckRootfsTest, AListThatWasChangedWithTheFilesIsFoundByItsIdentity) {
  ChangeInPlace(Tree("usr/b"), "BBBB");
  std::string list = dir_.Get("to/r/files.txt");
  list.replace(list.find(Sha256Hex("bbbb")), 64, Sha256Hex("BBBB"));
  dir_.Put("to/r/files.txt", list);
  EXPECT_THAT(Faults(CheckDepth::kDeep), ElementsAre("unreadable record files.txt"));
  EXPECT_THAT(Faults(CheckDepth::kDeep, record_.identity), ElementsAre("unreadable record files.txt"));
}

TEST_F(CheckRootfsTest, WhatIsHalfThereIsHalfMade) {
  ASSERT_TRUE(RemoveTree(dir_.fd(), "to/r/files.txt"));
  EXPECT_THAT(Faults(CheckDepth::kQuick), ElementsAre("half made files.txt"));
  dir_.Put("to/r/files.txt", "");
  ASSERT_TRUE(RemoveTree(dir_.fd(), "to/r/root"));
  EXPECT_THAT(Faults(CheckDepth::kQuick), ElementsAre("half made root"));
}

TEST_F(CheckRootfsTest, TheListIsReadAsItWasWritten) {
  const std::string text = dir_.Get("to/r/files.txt");
  EXPECT_EQ(Sha256Hex(text), record_.identity);
  const auto files = ParseRootfsManifest(text);
  ASSERT_TRUE(files) << files.error().message();
  EXPECT_EQ(PrintRootfsManifest(*files), text);
  EXPECT_EQ(files->size(), 5U);
  for (const char* bad : {"", "fumehood-rootfs 2\n", "fumehood-rootfs 1\nd\t755", "fumehood-rootfs 1\nd\t9\tusr\n", "fumehood-rootfs 1\nl\t%2\tx\n",
                          "fumehood-rootfs 1\nf\t644\t1\t1.0\tshort\tx\n", "fumehood-rootfs 1\n\n", "fumehood-rootfs 1\nd\t755\t\n"}) {
    EXPECT_FALSE(ParseRootfsManifest(bad)) << bad;
  }
}

}  // namespace
}  // namespace fumehood
