#include "src/runtime/conda_check.h"

#include <gmock/gmock.h>

#include "src/record/sha256.h"
#include "src/record/test_dir.h"
#include "src/runtime/conda_record.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A prefix of one package, laid out as conda does.
class CondaCheckTest : public ::testing::Test {
 protected:
  CondaCheckTest() {
    for (const char* path : {"p", "p/conda-meta", "p/bin", "p/lib", "p/share"}) dir_.Dir(path);
    Put("conda-meta/history", "");
    Put("lib/data.txt", "twelve bytes");
    Put("bin/tool", Tool(prefix_));
    dir_.Link("p/share/current", "../lib/data.txt");
    Record();
  }
  void Put(const std::string& name, const std::string& text) const { dir_.Put("p/" + name, text); }
  static std::string Tool(const std::string& prefix) { return "#!" + prefix + "/bin/python\nprint('tool ok')\n"; }
  void Record(const std::string& more = "") const {
    Put("conda-meta/tools-1.0-0.json",
        R"({"name": "tools", "version": "1.0", "build": "0", "unknown": [1], "paths_data": {"paths_version": 1, "paths": [
      {"_path": "lib/data.txt", "path_type": "hardlink", "sha256": ")" + Sha256Hex("twelve bytes") + R"(", "sha256_in_prefix": ")" +
            Sha256Hex("twelve bytes") + R"(", "size_in_bytes": 12},
      {"_path": "bin/tool", "path_type": "hardlink", "file_mode": "text", "prefix_placeholder": "/opt/placehold", "sha256": ")" +
            Sha256Hex(Tool("/opt/placehold")) + R"(", "sha256_in_prefix": ")" + Sha256Hex(Tool(prefix_)) + R"(", "size_in_bytes": 99},
      {"_path": "share/current", "path_type": "softlink"},
      {"_path": "lib/__pycache__/x.cpython-311.pyc", "path_type": "pyc_file"})" + more + "]}}");
  }
  void Remove(const std::string& name) const { ASSERT_TRUE(RemoveTree(dir_.fd(), "p/" + name)); }

  // "path what" of each fault.
  std::vector<std::string> Faults(bool deep, RuntimeKind kind = RuntimeKind::kConda) {
    const auto check = CheckPrefix(prefix_, kind, {.deep = deep, .threads = 2});
    if (!check) return {check.error().message()};
    check_ = *check;
    std::vector<std::string> lines;
    for (const RuntimeFault& fault : check_.faults) lines.push_back(fault.path + " " + kRuntimeFaultNames[static_cast<size_t>(fault.what)]);
    return lines;
  }
  std::vector<std::string> Quick() { return Faults(false); }
  std::vector<std::string> Deep() { return Faults(true); }

  TestDir dir_;
  const std::string prefix_ = dir_.At("p");
  PrefixCheck check_;
};

TEST_F(CondaCheckTest, FindsNothingInAWholePrefix) {
  EXPECT_THAT(Quick(), IsEmpty());
  EXPECT_EQ(check_.bytes, 0);
  EXPECT_THAT(Deep(), IsEmpty());
  EXPECT_EQ(check_.packages, 1);
  EXPECT_EQ(check_.files, 4);
  EXPECT_EQ(check_.bytes, static_cast<int64_t>(12 + Tool(prefix_).size()));
}

TEST_F(CondaCheckTest, FindsWhatIsMissing) {
  Remove("lib");
  EXPECT_THAT(Quick(), ElementsAre("lib/data.txt missing", "share/current broken link"));
}

TEST_F(CondaCheckTest, AChangeOfSizeIsSeenAtOnceAndOneOfBytesByTheDeepCheck) {
  Put("lib/data.txt", "more than twelve bytes");
  EXPECT_THAT(Quick(), ElementsAre("lib/data.txt changed"));
  EXPECT_EQ(check_.faults[0].detail, "was 12 bytes, is 22");
  Put("lib/data.txt", "twelve bites");
  EXPECT_THAT(Quick(), IsEmpty());
  EXPECT_THAT(Deep(), ElementsAre("lib/data.txt changed"));
  EXPECT_THAT(check_.faults[0].detail, HasSubstr(Sha256Hex("twelve bytes")));
}

TEST_F(CondaCheckTest, TheFingerprintTellsThatAFileWasWrittenTo) {
  (void)Deep();
  const std::string before = check_.fingerprint;
  (void)Quick();
  EXPECT_EQ(check_.fingerprint, before);
  const struct timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
  ASSERT_EQ(utimensat(dir_.fd(), "p/lib/data.txt", times, 0), 0);
  (void)Quick();
  EXPECT_NE(check_.fingerprint, before);
}

TEST_F(CondaCheckTest, AnotherEnvironmentThatLinksTheSameFilesChangesNothing) {
  (void)Deep();
  const std::string before = check_.fingerprint;
  ASSERT_EQ(linkat(dir_.fd(), "p/lib/data.txt", dir_.fd(), "sibling", 0), 0);
  (void)Quick();
  EXPECT_EQ(check_.fingerprint, before);
}

TEST_F(CondaCheckTest, FindsForeignFilesAndPassesOverWhatToolsMake) {
  Put("lib/own.py", "");
  dir_.Dir("p/lib/folder");
  Put("lib/folder/a", "");
  Put("lib/folder/b", "");
  for (const char* path : {"p/lib/__pycache__", "p/envs", "p/pkgs", "p/nested", "p/nested/conda-meta"}) dir_.Dir(path);
  Put("lib/__pycache__/y.cpython-311.pyc", "");
  Put("nested/conda-meta/history", "");
  Put("CACHEDIR.TAG", "");
  EXPECT_THAT(Quick(), IsEmpty()) << "only the deep check walks the tree";
  EXPECT_THAT(Deep(), ElementsAre("lib/folder foreign", "lib/own.py foreign"));
}

TEST_F(CondaCheckTest, FindsWhatAnEndedTransactionLeft) {
  Put("conda-meta/other-2.0-0.json.c~", "{");
  Put("lib/libx.so.c~", "");
  EXPECT_THAT(Quick(), ElementsAre("conda-meta/other-2.0-0.json.c~ half made"));
  EXPECT_THAT(Deep(), ElementsAre("conda-meta/other-2.0-0.json.c~ half made", "lib/libx.so.c~ half made"));
  Remove("conda-meta/history");
  EXPECT_THAT(Quick(), ElementsAre("conda-meta/history half made", "conda-meta/other-2.0-0.json.c~ half made"));
}

TEST_F(CondaCheckTest, FindsThatAPackageThatOthersNeedIsNotThere) {
  Put("conda-meta/a-1-0.json", R"({"name": "a", "version": "1", "depends": ["tools >=1", "forge::Tools", "__glibc >=2.17", "b[version='>=2']"]})");
  EXPECT_THAT(Quick(), ElementsAre("conda-meta/a-1-0.json half made"));
  EXPECT_THAT(check_.faults[0].detail, HasSubstr("'b'"));
  Put("conda-meta/b-2-0.json", R"({"name": "b", "version": "2", "depends": ["a>=1", "a"]})");
  EXPECT_THAT(Quick(), IsEmpty());
}

TEST_F(CondaCheckTest, FindsRecordsThatCannotBeRead) {
  Put("conda-meta/cut-1-0.json", R"({"name": "cut", "paths_d)");
  Put("conda-meta/empty-1-0.json", "");
  Put("conda-meta/list-1-0.json", "[]");
  EXPECT_THAT(Quick(), ElementsAre("conda-meta/cut-1-0.json unreadable record", "conda-meta/empty-1-0.json unreadable record",
                                   "conda-meta/list-1-0.json unreadable record"));
}

TEST_F(CondaCheckTest, FindsThatThePrefixWasMoved) {
  ASSERT_EQ(renameat(dir_.fd(), "p", dir_.fd(), "q"), 0);
  const auto check = CheckPrefix(dir_.At("q"), RuntimeKind::kConda, {.deep = true});
  ASSERT_TRUE(check);
  ASSERT_EQ(check->faults.size(), 1U);
  EXPECT_EQ(check->faults[0].what, RuntimeFault::What::kMoved);
  EXPECT_THAT(check->faults[0].detail, HasSubstr(prefix_));
  dir_.Link("p", "q");
  EXPECT_THAT(CheckPrefix(dir_.At("q"), RuntimeKind::kConda, {})->faults, IsEmpty()) << "another path to the same place";
}

TEST_F(CondaCheckTest, NothingIsReadOutsideOfThePrefix) {
  dir_.Dir("outside");
  dir_.Put("outside/data.txt", "twelve bytes");
  Remove("lib");
  dir_.Link("p/lib", "../outside");
  EXPECT_THAT(Deep(), ElementsAre("lib foreign", "lib/__pycache__/x.cpython-311.pyc changed", "lib/data.txt changed", "share/current broken link"));
  Remove("lib");
  dir_.Dir("p/lib");
  dir_.Link("p/lib/data.txt", "../../outside/data.txt");
  EXPECT_THAT(Deep(), ElementsAre("lib/data.txt changed", "share/current broken link"));
}

TEST_F(CondaCheckTest, FilesThatAreNoFilesDoNotStopIt) {
  Remove("lib/data.txt");
  dir_.Fifo("p/lib/data.txt");
  Remove("conda-meta/history");
  dir_.Fifo("p/conda-meta/history");
  dir_.Fifo("p/conda-meta/fifo-1-0.json");
  EXPECT_THAT(Deep(), ElementsAre("conda-meta/fifo-1-0.json unreadable record", "lib/data.txt changed"));
}

TEST_F(CondaCheckTest, ARecordThatNamesFilesOutsideIsNotBelieved) {
  for (const char* path : {"../secret", "/etc/passwd", "lib/../../secret", "", "lib/.."}) {
    Record(std::string(R"(, {"_path": ")") + path + R"(", "path_type": "hardlink"})");
    EXPECT_THAT(Quick(), ElementsAre("conda-meta/tools-1.0-0.json unreadable record")) << path;
  }
}

TEST_F(CondaCheckTest, ALinkMayNameThePrefixByItsWholePath) {
  Remove("share/current");
  dir_.Link("p/share/current", prefix_ + "/lib/data.txt");
  EXPECT_THAT(Deep(), IsEmpty());
  Remove("share/current");
  dir_.Link("p/share/current", "/etc/passwd");
  EXPECT_THAT(Deep(), ElementsAre("share/current broken link"));
}

TEST_F(CondaCheckTest, TellsHowFarItIs) {
  for (int i = 0; i < 200; ++i) {
    const std::string name = "lib/f" + std::to_string(i);
    Put(name, name);
    Put("conda-meta/n" + std::to_string(i) + "-1-0.json",
        R"({"name": "n", "version": "1", "paths_data": {"paths": [{"_path": ")" + name + R"(", "path_type": "hardlink", "sha256": ")" +
            Sha256Hex(i == 77 ? "other" : name) + R"("}]}})");
  }
  std::vector<int64_t> done;
  int64_t all = 0;
  const auto check = CheckPrefix(prefix_, RuntimeKind::kConda, {.deep = true, .threads = 4, .progress = [&](int64_t now, int64_t total) {
                                                                  done.push_back(now);
                                                                  all = total;
                                                                }});
  ASSERT_TRUE(check);
  ASSERT_EQ(check->faults.size(), 1U);
  EXPECT_EQ(check->faults[0].path, "lib/f77");
  EXPECT_EQ(done.size(), 202U);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), all);
  EXPECT_EQ(all, check->bytes);
}

TEST_F(CondaCheckTest, NoPrefixIsAnErrorAndNoFinding) {
  EXPECT_EQ(CheckPrefix(dir_.At("nowhere"), RuntimeKind::kConda, {}).error().code(), ErrorCode::kNotFound);
}

TEST(CondaRecord, ReadsWhatConda43Wrote) {
  const auto record = ParseCondaRecord(R"({"name": "old", "version": "1", "build": "0", "files": ["bin/a", "lib/b"]})");
  ASSERT_TRUE(record);
  ASSERT_EQ(record->files.size(), 2U);
  EXPECT_EQ(record->files[0].path, "bin/a");
  EXPECT_EQ(record->files[0].sha256, "");
}

TEST(PrefixOfShebang, IsThatOfTheInterpreter) {
  EXPECT_EQ(PrefixOfShebang("#!/opt/env/bin/python3.11\nimport x\n"), "/opt/env");
  EXPECT_EQ(PrefixOfShebang("#! /opt/env/bin/python -E\n"), "/opt/env");
  EXPECT_EQ(PrefixOfShebang("#!/bin/sh\n'''exec' \"/a long/env/bin/python\" \"$0\" \"$@\"\n' '''\n"), "/a long/env");
  EXPECT_EQ(PrefixOfShebang("#!/bin/sh\n'''exec' /long/env/bin/python \"$0\" \"$@\"\n"), "/long/env");
  for (const char* text : {"", "#!", "#!/usr/bin/env python\n", "#!/bin/sh\n", "\x7f" "ELF", "#!python\n", "#!/usr/local/bin/perl\n"}) {
    EXPECT_EQ(PrefixOfShebang(text), "") << text;
  }
}

}  // namespace
}  // namespace fumehood
