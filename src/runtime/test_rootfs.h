// ImportRootfsTest: an importer of archives that tests write, in a directory of their own.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/runtime/rootfs_import.h"
#include "src/runtime/test_archive.h"

namespace fumehood {

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
    EXPECT_THAT(Entries("to"), ::testing::IsEmpty());
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

inline TestLayer Layer(TestArchive& archive) { return {archive.Bytes(), ""}; }

inline std::string PlainTree() { return TestArchive().Dir("usr").Dir("usr/bin").File("usr/bin/tool", "tool", 0755).Link("bin", "usr/bin").Bytes(); }

}  // namespace fumehood
