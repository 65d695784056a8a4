#include "src/runtime/lock.h"

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/runtime/r_packages.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

#define FH_SITE "lib/python3.11/site-packages"

class LockTest : public ::testing::Test {
 protected:
  void Make(const std::string& prefix) const {
    for (const char* path : {"", "/conda-meta", "/lib", "/lib/R", "/lib/R/library", "/lib/R/library/base", "/lib/R/library/jsonlite", "/lib/python3.11",
                             "/" FH_SITE, "/" FH_SITE "/numpy-1.24.dist-info", "/" FH_SITE "/tqdm-4.0.dist-info"}) {
      dir_.Dir(prefix + path);
    }
    const auto put = [&](const std::string& name, const std::string& text) { dir_.Put(prefix + "/" + name, text); };
    put("conda-meta/history", "");
    put("conda-meta/r-base-4.2-0.json",
        R"({"name": "r-base", "version": "4.2", "build": "h1_0", "md5": "d41d8cd98f00b204e9800998ecf8427e", "url": "https://repo.example/main/linux-64/r-base.conda",
            "channel": "main", "paths_data": {"paths": [{"_path": "lib/R/library/base/DESCRIPTION", "path_type": "hardlink"}]}})");
    put("conda-meta/numpy-1.24-0.json",
        R"({"name": "numpy", "version": "1.24", "build": "py311_0", "sha256": "ab", "channel": "https://me:secret@repo.example/t/to-ken/forge", "paths_data": {"paths": [
            {"_path": "lib/python3.11/site-packages/numpy-1.24.dist-info/METADATA", "path_type": "hardlink"}]}})");
    put(FH_SITE "/numpy-1.24.dist-info/METADATA", "Name: numpy\nVersion: 1.24\n");
    put(FH_SITE "/tqdm-4.0.dist-info/METADATA", "Name: tqdm\nVersion: 4.0\n");
    put(FH_SITE "/tqdm-4.0.dist-info/INSTALLER", "pip\n");
    // The script's digest holds the prefix's path, the file's does not.
    const std::string script(43, prefix == "a" ? 'A' : 'E');
    put(FH_SITE "/tqdm-4.0.dist-info/RECORD", "../../../bin/tqdm,sha256=" + script + ",9\ntqdm.py,sha256=" + std::string(43, 'A') + ",1\n");
    put("lib/R/library/base/DESCRIPTION", "Package: base\nVersion: 4.2\n");
    put("lib/R/library/jsonlite/DESCRIPTION",
        "Package: jsonlite\nVersion: 1.8\nDescription: Reads\n    and writes.\n  Version: 9\nRepository: CRAN\nBuilt: R 4.2.2; ; 2023-0" + prefix + "; unix\n");
    put("lib/R/library/jsonlite/MD5", "d41d8cd98f00b204e9800998ecf8427e *R/a.R\n");
  }
  std::vector<LockedPackage> Lock(const std::string& prefix) const {
    const auto lock = LockPrefix(dir_.At(prefix), RuntimeKind::kConda);
    EXPECT_THAT(lock->faults, IsEmpty());
    return lock->packages;
  }
  TestDir dir_;
};

TEST_F(LockTest, NamesEachPackageOnceAndByWhoeverInstalledIt) {
  Make("a");
  std::vector<std::string> lines;
  for (const LockedPackage& p : Lock("a")) lines.push_back(p.manager + " " + p.name + " " + p.version + " " + p.build + " " + p.source);
  EXPECT_THAT(lines, ElementsAre("conda numpy 1.24 py311_0 https://repo.example/forge",
                                 "conda r-base 4.2 h1_0 https://repo.example/main/linux-64/r-base.conda", "cran jsonlite 1.8 R 4.2.2 CRAN",
                                 "pip tqdm 4.0  "));
  EXPECT_EQ(Lock("a")[0].digest, "sha256:ab");
  EXPECT_EQ(Lock("a")[1].digest, "md5:d41d8cd98f00b204e9800998ecf8427e");
}

TEST_F(LockTest, EqualPackagesHaveOneIdentityWhereverTheyLie) {
  Make("a");
  Make("b");
  EXPECT_EQ(PrintLock(Lock("a")), PrintLock(Lock("b")));
  const std::string before = LockIdentity(Lock("b"));
  dir_.Put("b/" FH_SITE "/tqdm-4.0.dist-info/RECORD", "tqdm.py,sha256=" + std::string(42, 'A') + "E,1\n");
  EXPECT_NE(LockIdentity(Lock("b")), before) << "the same version with other files is another package";
}

TEST_F(LockTest, WhatCannotBeReadIsAFault) {
  Make("a");
  dir_.Put("a/conda-meta/cut-1-0.json", "{");
  dir_.Put("a/lib/R/library/jsonlite/DESCRIPTION", "Version: 1\n");
  const auto lock = LockPrefix(dir_.At("a"), RuntimeKind::kConda);
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->faults.size(), 2U);
  EXPECT_EQ(LockPrefix(dir_.At("nowhere"), RuntimeKind::kConda).error().code(), ErrorCode::kNotFound);
}

TEST_F(LockTest, ReadsBackWhatItPrinted) {
  Make("a");
  std::vector<LockedPackage> packages = Lock("a");
  packages[0].name = "not \xff UTF-8 \"";
  const auto again = ParseLock(PrintLock(packages));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(PrintLock(*again), PrintLock(packages));
  EXPECT_EQ((*again)[0].name, packages[0].name);
  EXPECT_TRUE(ParseLock(PrintLock({})));
  EXPECT_FALSE(ParseLock(R"({"version":2,"packages":[]})"));
}

TEST(PublicSource, HasNoCredentials) {
  EXPECT_EQ(PublicSource("https://user:secret@host/t/token/channel/linux-64/x.conda?key=1#frag"), "https://host/channel/linux-64/x.conda");
  EXPECT_EQ(PublicSource("git+https://token@host/a.git@v1"), "git+https://host/a.git@v1");
  EXPECT_EQ(PublicSource("file:///home/ada/channel"), "");
  EXPECT_EQ(PublicSource("conda-forge"), "");
  EXPECT_EQ(PublicSource("https://host"), "https://host");
}

TEST(RPackages, KnowsWhereAPackageCameFrom) {
  const auto package = ParseDescription(
      "Package: x\nVersion: 1\nRemoteType: github\nRemoteUsername: ada\nRemoteRepo: x\nRemoteSha: abc\nBuilt: R 4.3.1; x86_64; 2024; unix\n");
  ASSERT_TRUE(package);
  EXPECT_EQ(package->remote, "github::ada/x@abc");
  EXPECT_EQ(package->built_with, "R 4.3.1");
  EXPECT_FALSE(ParseDescription("Package: x\n"));
}

}  // namespace
}  // namespace fumehood
