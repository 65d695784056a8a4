#include "src/runtime/rootfs_import.h"

#include "src/runtime/rootfs_runtime.h"
#include "src/runtime/test_rootfs.h"

namespace fumehood {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Filter = TestArchive::Filter;

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

}  // namespace
}  // namespace fumehood
