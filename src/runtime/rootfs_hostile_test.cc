// What an archive may try, and what may happen while one is imported.
#include "src/runtime/rootfs_import.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "src/runtime/rootfs_check.h"
#include "src/runtime/test_rootfs.h"

namespace fumehood {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Filter = TestArchive::Filter;

// Hostile archives. Each stands in a directory beside a file that must not be touched.

TEST_F(ImportRootfsTest, ANameThatClimbsOutIsRefused) {
  for (const char* path : {"../../outside", "usr/../../../outside", "..", "/../../outside"}) {
    EXPECT_THAT(Refusal(TestArchive().File("usr/a", "a").File(path, "hostile").Bytes()),
                AllOf(HasSubstr("entry '" + std::string(path) + "'"), HasSubstr("climbs out")));
  }
}

TEST_F(ImportRootfsTest, AnAbsoluteNameIsOneInTheTree) {
  dir_.Put("outside", "untouched");
  const auto record = Import(TestArchive().File(dir_.At("outside"), "hostile").Bytes());
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(dir_.Get("outside"), "untouched");
  EXPECT_EQ(dir_.Get("to/r/root" + dir_.At("outside")), "hostile");
}

TEST_F(ImportRootfsTest, ALinkThatAnEarlierEntryPlantedLeadsNowhereElse) {
  dir_.Put("outside", "untouched");
  for (const std::string& target : {dir_.path(), std::string("../../../"), std::string("/proc/self/cwd/../../../../..") + dir_.path()}) {
    // In the tree the link leads to what is there of that name, which is nothing: then there is no place for the entry.
    const auto record = Import(TestArchive().Link("way", target).File("way/outside", "hostile").Bytes());
    EXPECT_EQ(dir_.Get("outside"), "untouched") << target;
    if (record) {
      ASSERT_TRUE(RemoveTree(dir_.fd(), "to/r"));
    }
    EXPECT_THAT(Entries("to"), IsEmpty());
  }
  // Through a link to the file itself: the link gives way.
  ASSERT_TRUE(Import(TestArchive().Link("way", dir_.At("outside")).File("way", "mine").Bytes()));
  EXPECT_EQ(dir_.Get("outside"), "untouched");
  EXPECT_EQ(dir_.Get(Tree("way")), "mine");
}

// What these whiteouts would remove, if they were followed, lies in the test's own directory.
TEST_F(ImportRootfsTest, AWhiteoutThroughALinkThatALowerLayerPlantedRemovesNothingElse) {
  dir_.Dir("victim");
  dir_.Put("victim/kept", "untouched");
  for (const std::string& target : {dir_.At("victim"), std::string("../../../victim")}) {
    for (const char* name : {"way/.wh.kept", "way/.wh..wh..opq", "way/new"}) {
      TestArchive first;
      first.Dir("usr").Link("way", target);
      TestArchive second;
      second.File(name, "");
      TestImage image;
      image.layers = {Layer(first), Layer(second)};
      EXPECT_FALSE(Import(OciArchive({image}))) << "in the tree the link leads nowhere";
      EXPECT_THAT(Entries("victim"), ElementsAre("kept"));
      EXPECT_THAT(Entries("to"), IsEmpty());
    }
  }
}

TEST_F(ImportRootfsTest, ALinkThatClimbsLeadsToTheTopOfTheTree) {
  dir_.Put("outside", "untouched");
  dir_.Put("gone", "untouched");
  TestArchive first;
  first.File("gone", "x").Link("climb", "../../..");  // to where these two lie, if it were followed
  TestArchive second;
  second.File("climb/outside", "hostile").File("climb/.wh.gone", "");
  TestImage image;
  image.layers = {Layer(first), Layer(second)};
  const auto record = Import(OciArchive({image}));
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(dir_.Get("outside"), "untouched");
  EXPECT_EQ(dir_.Get("gone"), "untouched");
  EXPECT_THAT(Entries("to/r/root"), ElementsAre("climb", "outside"));
}

TEST_F(ImportRootfsTest, AHardLinkToOutsideIsRefused) {
  for (const std::string& target : {std::string("../../outside"), dir_.At("outside"), std::string("way/outside")}) {
    EXPECT_THAT(Refusal(TestArchive().File("usr/a", "a").Link("way", dir_.path()).HardLink("stolen", target).Bytes()),
                AllOf(HasSubstr("entry 'stolen'"), HasSubstr("it is a hard link to")));
  }
}

TEST_F(ImportRootfsTest, AHardLinkInTheTreeIsMade) {
  const auto record = Import(TestArchive().File("usr/a", "a").HardLink("usr/b", "usr/a").HardLink("usr/a", "usr/a").HardLink("c", "/usr/b").Bytes());
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(dir_.Get(Tree("c")), "a");
  EXPECT_EQ(FindStat(dir_.fd(), Tree("c"), false).value()->st_ino, FindStat(dir_.fd(), Tree("usr/a"), false).value()->st_ino);
}

TEST_F(ImportRootfsTest, DevicesAreLeftOutAndTold) {
  const auto record = Import(TestArchive().File("usr/a", "a").Device("dev/sda").Fifo("run/pipe").Bytes());
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->skipped_count, 2);
  EXPECT_THAT(record->skipped, ElementsAre(HasSubstr("'dev/sda'"), HasSubstr("'run/pipe'")));
  EXPECT_FALSE(dir_.Has(Tree("dev/sda")));
}

TEST_F(ImportRootfsTest, SetuidAndSetgidAreDroppedAndTheOwnerMayAlwaysRead) {
  const auto record = Import(TestArchive().File("usr/su", "x", 06755).Dir("tmp", 01777).Dir("closed", 0).File("closed/in", "x", 0).Bytes());
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(dir_.ModeOf(Tree("usr/su")), 0755U);
  EXPECT_EQ(dir_.ModeOf(Tree("tmp")), 01777U);
  EXPECT_EQ(dir_.ModeOf(Tree("closed")), 0700U);
  EXPECT_EQ(dir_.ModeOf(Tree("closed/in")), 0400U);
}

TEST_F(ImportRootfsTest, AFileBeyondTheBytesThatMayBeUnpackedIsNamed) {
  request_.max_bytes = 64 << 20;
  const std::string bytes = TestArchive().File("usr/a", "a").Sparse("usr/huge", int64_t{10} << 30).Bytes();
  ASSERT_LT(bytes.size(), size_t{1} << 20) << "the archive itself is small";
  EXPECT_THAT(Refusal(bytes), AllOf(HasSubstr("entry 'usr/huge'"), HasSubstr("10.0 GiB"), HasSubstr("64.0 MiB")));
}

TEST_F(ImportRootfsTest, HolesStayHoles) {
  const auto record = Import(TestArchive().Sparse("usr/holes", int64_t{1} << 30).Bytes());
  ASSERT_TRUE(record) << record.error().message();
  const auto info = FindStat(dir_.fd(), Tree("usr/holes"), false).value();
  EXPECT_EQ(info->st_size, int64_t{1} << 30);
  EXPECT_LT(info->st_blocks * 512, int64_t{1} << 22);
}

TEST_F(ImportRootfsTest, WhatGrowsBeyondBoundsWhenItIsDecompressedIsRefused) {
  request_.max_bytes = 8 << 20;
  const std::string zeros(16 << 20, '\0');
  TestArchive bomb(Filter::kGzip);
  bomb.File("usr/a", "a").File("usr/zeros", zeros);
  EXPECT_THAT(Refusal(bomb.Bytes()), HasSubstr("8.0 MiB"));
  TestArchive layer;
  layer.File("usr/zeros", zeros);
  TestArchive packed(Filter::kXz);
  packed.File("usr/zeros", zeros);
  TestImage image;
  image.layers = {{packed.Bytes(), layer.Bytes()}};
  EXPECT_THAT(Refusal(OciArchive({image})), AllOf(HasSubstr("layer 'blobs/sha256/"), HasSubstr("8.0 MiB")));
}

TEST_F(ImportRootfsTest, MoreEntriesThanMayBeUnpackedAreRefused) {
  request_.max_entries = 100;
  TestArchive archive;
  archive.Dir("usr");
  for (int i = 0; i < 200; ++i) archive.File("usr/" + std::to_string(i), "");
  EXPECT_THAT(Refusal(archive.Bytes()), HasSubstr("beyond the 100 entries"));
}

TEST_F(ImportRootfsTest, EndlessNamesAreRefused) {
  EXPECT_THAT(Refusal(TestArchive().File("usr/" + std::string(300, 'n'), "").Bytes()), HasSubstr("more than 255 bytes"));
  std::string deep = "usr";
  while (deep.size() < 100'000) deep += "/directory";
  const std::string refusal = Refusal(TestArchive().File(deep, "").Bytes());
  EXPECT_THAT(refusal, HasSubstr("more than 4000 bytes"));
  EXPECT_LT(refusal.size(), 1000U) << "the message is not endless either";
}

TEST_F(ImportRootfsTest, OfEntriesOfOneNameTheLastIsMeant) {
  const auto record = Import(TestArchive().File("usr/a", "first").File("usr/a", "last").Dir("b").File("b/in", "x").File("b", "file").Bytes());
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(dir_.Get(Tree("usr/a")), "last");
  EXPECT_EQ(dir_.Get(Tree("b")), "file");
}

TEST_F(ImportRootfsTest, AWhiteoutThatNamesNoFileIsRefused) {
  for (const char* name : {".wh.", ".wh..", ".wh..."}) {
    TestArchive first;
    first.File("usr/a", "a");
    TestArchive second;
    second.File("usr/" + std::string(name), "");
    TestImage image;
    image.layers = {Layer(first), Layer(second)};
    EXPECT_THAT(Refusal(OciArchive({image})), HasSubstr("it takes away no file")) << name;
  }
}

TEST_F(ImportRootfsTest, WhatIsNoArchiveOrIsCutOffIsRefused) {
  EXPECT_THAT(Refusal("no archive at all, but long enough to be looked at"), HasSubstr("not a readable archive"));
  EXPECT_THAT(Refusal(""), HasSubstr("not a readable archive"));
  TestArchive packed(Filter::kGzip);
  packed.File("usr/a", std::string(100'000, 'a'));
  const std::string whole = packed.Bytes();
  EXPECT_THAT(Refusal(whole.substr(0, whole.size() - 20)), HasSubstr("not a readable archive"));
  EXPECT_THAT(Refusal(TestArchive().File("usr/a", std::string(100'000, 'a')).Bytes().substr(0, 50'000)), HasSubstr("not a readable archive"));
}

TEST_F(ImportRootfsTest, ATargetThatIsThereIsNeverTouched) {
  dir_.Dir("to/r");
  dir_.Put("to/r/mine", "x");
  const auto imported = Import(PlainTree());
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(Entries("to/r"), ElementsAre("mine"));
}

TEST_F(ImportRootfsTest, AKilledImportLeavesOnlyWhatIsSweptAndALiveOneIsLeftAlone) {
  TestArchive archive(Filter::kGzip);
  for (int i = 0; i < 3000; ++i) archive.File("usr/" + std::to_string(i), std::string(2000, static_cast<char>('a' + i % 26)));
  dir_.Put("archive", archive.Bytes());
  const RootfsImportRequest request{.archive = dir_.At("archive"), .target = dir_.At("to/r")};
  int killed = 0;
  for (int milliseconds = 1; milliseconds < 200; milliseconds = milliseconds * 3 / 2 + 1) {
    const pid_t child = fork();
    if (child == 0) _exit(ImportRootfs(request) ? 0 : 1);
    ASSERT_GT(child, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));  // wherever it is by then is as good a place
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) break;
    ++killed;
    for (const std::string& name : Entries("to")) {
      if (name == "r") continue;  // whole, killed after its name was there
      EXPECT_THAT(name, ::testing::StartsWith(kImportPrefix));
    }
    if (dir_.Has("to/r")) break;
  }
  EXPECT_GT(killed, 0);
  if (dir_.Has("to/r")) {
    ASSERT_TRUE(CheckRootfs(dir_.At("to/r"), CheckDepth::kDeep).value().empty());
  }
  dir_.Dir("to/.importing-live-1");
  const Fd live = OpenDir(dir_.fd(), "to/.importing-live-1").value();
  ASSERT_EQ(flock(live.get(), LOCK_EX), 0);
  ASSERT_TRUE(SweepImports(dir_.At("to")));
  for (const std::string& name : Entries("to")) EXPECT_THAT(name, ::testing::AnyOf("r", ".importing-live-1"));
}

TEST_F(ImportRootfsTest, OnAFullDiskNothingIsAddedAndItIsSaid) {
  // The kernel refuses the write as it does on a full disk, but with another number: a limit needs no disk of its own.
  const std::string bytes = TestArchive().File("usr/large", std::string(3 << 20, 'x')).Bytes();
  dir_.Put("archive", bytes);
  const pid_t child = fork();
  if (child == 0) {
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {1 << 20, 1 << 20};
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    const auto imported = ImportRootfs({.archive = dir_.At("archive"), .target = dir_.At("to/r")});
    _exit(!imported && imported.error().message().find("'usr/large'") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(Entries("to"), IsEmpty());
}

}  // namespace
}  // namespace fumehood
