#include "src/runtime/python_dists.h"

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/runtime/conda_check.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DistRecord, ReadsWhatPipWrites) {
  const auto files = ParseDistRecord(
      "x/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n"
      "\"x/a,b \"\"c\"\".py\",,\n"
      "../../../bin/x,sha512=abc,12\n");
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->size(), 3U);
  EXPECT_EQ((*files)[0].sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") << "of nothing";
  EXPECT_EQ((*files)[0].size_bytes, 0);
  EXPECT_EQ((*files)[1].path, "x/a,b \"c\".py");
  EXPECT_EQ((*files)[1].size_bytes, -1);
  EXPECT_EQ((*files)[2].sha256, "") << "another kind of digest";
}

TEST(DistRecord, NamesTheLineThatIsNone) {
  for (const char* line : {"a", "a,b", ",,", "a,,x", "a,,-1", "a,sha256=short,", "a,,1,", "\"a,,"}) {
    const auto files = ParseDistRecord(std::string("good,,\n") + line + "\n");
    ASSERT_FALSE(files) << line;
    EXPECT_THAT(files.error().message(), HasSubstr("line 2")) << line;
  }
}

// A literal, so that names are written behind it.
#define FH_SITE "v/lib/python3.11/site-packages"

class VirtualenvTest : public ::testing::Test {
 protected:
  VirtualenvTest() {
    for (const char* path : {"v", "v/bin", "v/include", "v/lib", "v/lib/python3.11", "v/lib/python3.11/site-packages", FH_SITE "/x", FH_SITE "/x-1.0.dist-info"}) {
      dir_.Dir(path);
    }
    dir_.Link("v/lib64", "lib");
    dir_.Link("v/bin/python", "/usr/bin/python3");
    dir_.Put("v/bin/activate", "");
    dir_.Put("v/pyvenv.cfg", "home = /usr/bin\n");
    dir_.Put(FH_SITE "/x/__init__.py", "");
    dir_.Put("v/bin/x", "#!" + dir_.At("v") + "/bin/python\n");
    dir_.Put(FH_SITE "/x-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: X\nVersion: 1.0\n\nName: of the text\n");
    dir_.Put(FH_SITE "/x-1.0.dist-info/INSTALLER", "pip\n");
    Record("");
  }
  void Record(const std::string& more) const {
    dir_.Put(FH_SITE "/x-1.0.dist-info/RECORD",
             "../../../bin/x,,\nx/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\nx/__pycache__/__init__.cpython-311.pyc,,\n"
             "x-1.0.dist-info/INSTALLER,,\nx-1.0.dist-info/METADATA,,\nx-1.0.dist-info/RECORD,,\n" + more);
  }
  std::vector<std::string> Deep() const {
    const auto check = CheckPrefix(dir_.At("v"), RuntimeKind::kVirtualenv, {.deep = true});
    if (!check) return {check.error().message()};
    std::vector<std::string> lines;
    for (const RuntimeFault& fault : check->faults) lines.push_back(fault.path + " " + kRuntimeFaultNames[static_cast<size_t>(fault.what)]);
    return lines;
  }
  TestDir dir_;
  const std::string site_ = "lib/python3.11/site-packages";
};

TEST_F(VirtualenvTest, FindsItsPackages) {
  dir_.Put(FH_SITE "/x-1.0.dist-info/direct_url.json", R"({"url": "file:///src/x", "dir_info": {"editable": true}})");
  const auto prefix = OpenDir(dir_.fd(), "v");
  const auto found = FindPythonDists(prefix->get());
  ASSERT_TRUE(found);
  ASSERT_EQ(found->dists.size(), 1U) << "lib64 is the same folder";
  EXPECT_EQ(found->dists[0].name, "X");
  EXPECT_EQ(found->dists[0].version, "1.0");
  EXPECT_EQ(found->dists[0].installer, "pip");
  EXPECT_EQ(found->dists[0].url, "file:///src/x");
  EXPECT_TRUE(found->dists[0].editable);
  EXPECT_EQ(found->dists[0].files[0].path, "bin/x");
}

TEST_F(VirtualenvTest, IsWholeAsVenvAndPipMadeIt) { EXPECT_THAT(Deep(), IsEmpty()); }

TEST_F(VirtualenvTest, FindsWhatWasChangedAddedAndRemoved) {
  dir_.Put(FH_SITE "/x/__init__.py", "evil = 1\n");
  dir_.Put(FH_SITE "/own.py", "");
  ASSERT_TRUE(RemoveTree(dir_.fd(), "v/bin/x"));
  EXPECT_THAT(Deep(), ElementsAre("bin/x missing", site_ + "/own.py foreign", site_ + "/x/__init__.py changed"));
}

TEST_F(VirtualenvTest, FindsHalfRemovedPackages) {
  ASSERT_TRUE(RemoveTree(dir_.fd(), FH_SITE "/x-1.0.dist-info/RECORD"));
  dir_.Dir(FH_SITE "/~umpy");
  EXPECT_THAT(Deep(), ::testing::IsSupersetOf({site_ + "/x-1.0.dist-info/RECORD unreadable record", site_ + "/~umpy half made"}));
  ASSERT_TRUE(RemoveTree(dir_.fd(), "v/pyvenv.cfg"));
  EXPECT_THAT(Deep(), ::testing::Contains("pyvenv.cfg half made"));
}

TEST_F(VirtualenvTest, ARecordThatNamesFilesOutsideIsNotFollowed) {
  Record("../../../../secret,,\n/etc/passwd,,\n");
  EXPECT_THAT(Deep(), ElementsAre(site_ + "/x-1.0.dist-info/RECORD unreadable record", site_ + "/x-1.0.dist-info/RECORD unreadable record"));
}

TEST_F(VirtualenvTest, FindsThatItWasMoved) {
  ASSERT_EQ(renameat(dir_.fd(), "v", dir_.fd(), "w"), 0);
  const auto check = CheckPrefix(dir_.At("w"), RuntimeKind::kVirtualenv, {});
  ASSERT_EQ(check->faults.size(), 1U);
  EXPECT_EQ(check->faults[0].what, RuntimeFault::What::kMoved);
}

}  // namespace
}  // namespace fumehood
