#include "src/runtime/rootfs_import.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/runtime/rootfs_check.h"
#include "src/runtime/rootfs_manifest.h"
#include "src/runtime/rootfs_runtime.h"
#include "src/runtime/test_archive.h"

namespace fumehood {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Filter = TestArchive::Filter;

class ImportRootfsTest : public ::testing::Test {
 protected:
  ImportRootfsTest() { dir_.Dir("to"); }

  // Imports these bytes to to/NAME.
  Result<RootfsRecord> Import(const std::string& bytes, const std::string& name = "r", const std::string& image = "") {
    dir_.Put("archive", bytes);
    request_.archive = dir_.At("archive");
    request_.target = dir_.At("to/" + name);
    request_.image = image;
    request_.architecture = "amd64";
    return ImportRootfs(request_);
  }
  // Of an import that must fail: its message, and that nothing is left of it, and nothing outside was touched.
  std::string Refusal(const std::string& bytes, const std::string& image = "") {
    dir_.Put("outside", "untouched");
    const auto imported = Import(bytes, "r", image);
    EXPECT_FALSE(imported);
    EXPECT_THAT(Entries("to"), IsEmpty());
    EXPECT_EQ(dir_.Get("outside"), "untouched");
    return imported ? "it was imported" : imported.error().message();
  }
  std::vector<std::string> Entries(const std::string& name) {
    const Fd fd = OpenDir(kHere, dir_.At(name)).value();
    std::vector<std::string> names;
    const std::vector<DirEntry> entries = ListDir(fd.get()).value();
    for (const DirEntry& entry : entries) names.push_back(entry.name);
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string Tree(const std::string& path) { return "to/r/root/" + path; }

  TestDir dir_;
  RootfsImportRequest request_;
};

TestLayer Layer(TestArchive& archive) { return {archive.Bytes(), ""}; }

std::string PlainTree() { return TestArchive().Dir("usr").Dir("usr/bin").File("usr/bin/tool", "tool", 0755).Link("bin", "usr/bin").Bytes(); }

TEST_F(ImportRootfsTest, APlainRootFileSystemInEveryCompressionIsTheSame) {
  std::string identity;
  for (const Filter filter : {Filter::kNone, Filter::kGzip, Filter::kXz, Filter::kZstd}) {
    TestArchive archive(filter);
    archive.Dir("./").Dir("./usr/bin").File("./usr/bin/tool", "tool", 0755).File("usr/share/ümlaut \n", "name").Link("bin", "usr/bin");
    const std::string name = "r" + std::to_string(static_cast<int>(filter));
    const auto record = Import(archive.Bytes(), name);
    ASSERT_TRUE(record) << record.error().message();
    EXPECT_EQ(record->image.form, "tar");
    if (identity.empty()) identity = record->identity;
    EXPECT_EQ(record->identity, identity);
    EXPECT_EQ(dir_.Get("to/" + name + "/root/usr/bin/tool"), "tool");
    EXPECT_EQ(dir_.Get("to/" + name + "/root/usr/share/ümlaut \n"), "name");
    EXPECT_EQ(dir_.ModeOf("to/" + name + "/root/usr/bin/tool"), 0755U);
    EXPECT_THAT(Entries("to/" + name), ElementsAre("files.txt", "image.json", "root"));
  }
}

TEST_F(ImportRootfsTest, LayersAreLaidOverEachOtherWithTheirWhiteouts) {
  TestArchive base;
  base.Dir("etc").File("etc/keep", "1").File("etc/drop", "1").Dir("opt/all").File("opt/all/old", "1").Dir("opt/all/sub").File("opt/all/sub/old", "1");
  base.File("usr/lib/a", "1").Link("lib", "usr/lib").File("swap", "file").Dir("gone").File("gone/x", "1").Dir("half").File("half/old", "1");
  TestArchive over;
  // Whiteouts are about lower layers only, whatever stands before them in the same archive.
  over.File("opt/all/new", "2").File("opt/all/.wh..wh..opq", "").File("etc/.wh.drop", "").File(".wh.gone", "").File("lib/b", "2");
  over.Dir("swap").File("swap/in", "2").Dir("half").File("half/new", "2").File(".wh.half", "").File(".wh..wh.plnk", "").File("etc/.wh.never-was", "");
  TestImage image;
  image.layers = {Layer(base), Layer(over)};
  for (const bool docker : {false, true}) {
    const std::string name = docker ? "docker" : "oci";
    const auto record = Import(docker ? DockerArchive({image}) : OciArchive({image}), name);
    ASSERT_TRUE(record) << record.error().message();
    const std::string root = "to/" + name + "/root/";
    EXPECT_EQ(dir_.Get(root + "etc/keep"), "1");
    EXPECT_FALSE(dir_.Has(root + "etc/drop"));
    EXPECT_FALSE(dir_.Has(root + "gone"));
    EXPECT_THAT(Entries(root + "opt/all"), ElementsAre("new"));
    EXPECT_THAT(Entries(root + "half"), ElementsAre("new"));
    EXPECT_THAT(Entries(root + "usr/lib"), ElementsAre("a", "b"));
    EXPECT_EQ(dir_.Get(root + "swap/in"), "2");
    EXPECT_THAT(Entries(root), ElementsAre("etc", "half", "lib", "opt", "swap", "usr"));
  }
}

TEST_F(ImportRootfsTest, TheDockerAndTheOciArchiveOfOneImageAreOneTree) {
  TestImage image;
  image.layers = {{PlainTree(), ""}};
  const auto docker = Import(DockerArchive({image}), "docker");
  ASSERT_TRUE(docker) << docker.error().message();
  const auto oci = Import(OciArchive({image}), "oci");
  ASSERT_TRUE(oci) << oci.error().message();
  EXPECT_EQ(docker->identity, oci->identity);
  EXPECT_EQ(oci->image.digest, "sha256:" + Sha256Hex(image.Manifest()));
  EXPECT_EQ(docker->image.digest, "sha256:" + Sha256Hex(image.Config()));
}

TEST_F(ImportRootfsTest, CompressedLayersInACompressedArchiveAreRead) {
  const std::string plain = PlainTree();
  for (const Filter filter : {Filter::kGzip, Filter::kXz, Filter::kZstd}) {
    TestArchive packed(filter);
    packed.Dir("usr").Dir("usr/bin").File("usr/bin/tool", "tool", 0755).Link("bin", "usr/bin");
    TestImage image;
    image.layers = {{packed.Bytes(), plain}};
    const std::string name = "r" + std::to_string(static_cast<int>(filter));
    const auto record = Import(OciArchive({image}, filter), name);
    ASSERT_TRUE(record) << record.error().message();
    EXPECT_EQ(dir_.Get("to/" + name + "/root/usr/bin/tool"), "tool");
  }
}

TEST_F(ImportRootfsTest, TheImagesConfigurationIsTheActivation) {
  TestImage image;
  image.layers = {{PlainTree(), ""}};
  const auto record = Import(OciArchive({image}));
  ASSERT_TRUE(record) << record.error().message();
  const auto read = ReadRootfsRecord(dir_.At("to/r"));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->identity, record->identity);
  EXPECT_EQ(read->image.name, "lab/tool:1");
  EXPECT_EQ(read->image.workdir, "/work");
  EXPECT_THAT(read->image.entrypoint, ElementsAre("/opt/tool/bin/tool"));
  const auto runtime = RootfsRuntime("tool", dir_.At("to/r"));
  ASSERT_TRUE(runtime) << runtime.error().message();
  EXPECT_EQ(runtime->kind, RuntimeKind::kRootfs);
  EXPECT_EQ(runtime->location, dir_.At("to/r/root"));
  EXPECT_EQ(runtime->identity, record->identity);
  EXPECT_THAT(runtime->path, ElementsAre("/opt/tool/bin", "/usr/bin"));
  EXPECT_EQ(runtime->env, (std::map<std::string, std::string>{{"TOOL_HOME", "/opt/tool"}})) << "an image's HOME is not the run's";
}

TEST_F(ImportRootfsTest, ATreeOfSomebodysOwnIsARuntimeWithoutAnIdentity) {
  dir_.Dir("tree");
  const auto runtime = RootfsRuntime("own", dir_.At("tree"));
  ASSERT_TRUE(runtime);
  EXPECT_EQ(runtime->location, dir_.At("tree"));
  EXPECT_EQ(runtime->identity, "");
  EXPECT_EQ(RootfsRuntime("none", dir_.At("nothing")).error().code(), ErrorCode::kNotFound);
}

// What an archive says may be anything: the digests say what is the image.

std::string Replace(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  if (at == std::string::npos || what.size() != with.size()) std::abort();
  return text.replace(at, what.size(), with);
}

TEST_F(ImportRootfsTest, ALayerThatWasChangedIsRefusedByItsName) {
  TestImage image;
  image.layers = {{TestArchive().File("usr/bin/tool", "genuine").Bytes(), ""}};
  EXPECT_THAT(Refusal(Replace(OciArchive({image}), "genuine", "hostile")),
              AllOf(HasSubstr(BlobName(image.layers[0].blob)), HasSubstr("the archive was changed or is damaged")));
  EXPECT_THAT(Refusal(Replace(DockerArchive({image}), "genuine", "hostile")), AllOf(HasSubstr("layer0/layer.tar"), HasSubstr("changed or is damaged")));
}

TEST_F(ImportRootfsTest, AConfigurationOrManifestThatWasChangedIsRefusedByItsName) {
  TestImage image;
  image.layers = {{PlainTree(), ""}};
  EXPECT_THAT(Refusal(Replace(OciArchive({image}), "TOOL_HOME", "LD_AUDIT_")), HasSubstr(BlobName(image.Config())));
  EXPECT_THAT(Refusal(Replace(DockerArchive({image}), "TOOL_HOME", "LD_AUDIT_")), HasSubstr(Sha256Hex(image.Config()) + ".json"));
  EXPECT_THAT(Refusal(Replace(OciArchive({image}), R"("schemaVersion":2,"config")", R"("schemaVersion":1,"config")")), HasSubstr(BlobName(image.Manifest())));
}

TEST_F(ImportRootfsTest, ALayerWhoseContentsAreNotWhatTheConfigurationSaysIsRefused) {
  TestArchive other(Filter::kGzip);
  other.File("usr/bin/tool", "another");
  TestImage image;
  image.layers = {{other.Bytes(), PlainTree()}};  // the blob is what the manifest says, what is in it is not
  EXPECT_THAT(Refusal(OciArchive({image})), HasSubstr("should be sha256:" + Sha256Hex(PlainTree())));
}

TEST_F(ImportRootfsTest, ABlobThatIsMissingIsNamed) {
  TestImage image;
  image.layers = {{PlainTree(), ""}};
  TestArchive archive;
  archive.File(BlobName(image.Manifest()), image.Manifest()).File(BlobName(image.Config()), image.Config());
  archive.File("oci-layout", "{}").File("index.json", R"({"manifests":[)" + image.IndexEntry() + "]}");
  EXPECT_THAT(Refusal(archive.Bytes()), AllOf(HasSubstr(BlobName(image.layers[0].blob)), HasSubstr("is not in the archive")));
}

TEST_F(ImportRootfsTest, ADescriptionThatIsThereTwiceIsRefused) {
  TestArchive archive;
  archive.File("manifest.json", "[]").File("manifest.json", "[ ]");
  EXPECT_THAT(Refusal(archive.Bytes()), HasSubstr("'manifest.json' is in the archive twice"));
}

TEST_F(ImportRootfsTest, OfSeveralPlatformsThisMachinesIsTaken) {
  TestImage mine;
  mine.layers = {{PlainTree(), ""}};
  TestImage other;  // only in the index, as engines save it
  other.architecture = "arm64";
  const auto record = Import(OciArchive({other, mine}));
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->image.architecture, "amd64");
  ASSERT_TRUE(RemoveTree(dir_.fd(), "to/r"));
  EXPECT_THAT(Refusal(OciArchive({other})), AllOf(HasSubstr("no image for this machine"), HasSubstr("'lab/tool:1' for arm64")));
}

TEST_F(ImportRootfsTest, OfSeveralImagesOneMustBeNamed) {
  TestImage first;
  first.layers = {{PlainTree(), ""}};
  TestImage second;
  second.name = "lab/other:2";
  second.env = R"("A=b")";
  second.layers = {{TestArchive().File("usr/other", "x").Bytes(), ""}};
  for (const bool docker : {false, true}) {
    const std::string bytes = docker ? DockerArchive({first, second}) : OciArchive({first, second});
    EXPECT_THAT(Refusal(bytes), AllOf(HasSubstr("'lab/tool:1' for amd64"), HasSubstr("'lab/other:2' for amd64"), HasSubstr("name one")));
    EXPECT_THAT(Refusal(bytes, "lab/third"), AllOf(HasSubstr("has no image 'lab/third'"), HasSubstr("lab/tool:1")));
    const std::string name = docker ? "docker" : "oci";
    const auto record = Import(bytes, name, "lab/other:2");
    ASSERT_TRUE(record) << record.error().message();
    EXPECT_TRUE(dir_.Has("to/" + name + "/root/usr/other"));
    ASSERT_TRUE(RemoveTree(dir_.fd(), "to/" + name));
  }
}

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
