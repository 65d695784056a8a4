#include "src/hood/tree_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>

#include "src/hood/etc_tree.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class TreeLayout : public ::testing::Test {
 protected:
  TreeLayout() {
    const char* base = std::getenv("TMPDIR");
    top_ = std::string(base == nullptr ? "/tmp" : base) + "/fumehood-tree-XXXXXX";
    if (mkdtemp(top_.data()) == nullptr) std::abort();
    tree_ = top_ + "/tree";
    Dir("");
  }
  ~TreeLayout() override {
    const auto above = OpenDir(kHere, top_ + "/..");
    if (above) (void)RemoveTree(above->get(), top_.substr(top_.rfind('/') + 1));
  }

  void Dir(const std::string& path) { ASSERT_TRUE(MakeDirs(tree_ + "/" + path, 0755)); }
  void File(const std::string& path, const std::string& text, mode_t mode = 0644) {
    Dir(path.substr(0, path.rfind('/') + 1));
    const auto file = OpenAt(kHere, tree_ + "/" + path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    ASSERT_TRUE(file);
    ASSERT_TRUE(WriteAll(file->get(), text));
    ASSERT_EQ(fchmod(file->get(), mode), 0);
  }
  void Link(const std::string& path, const std::string& target) { ASSERT_EQ(symlink(target.c_str(), (tree_ + "/" + path).c_str()), 0); }
  std::vector<std::string> Paths() {
    std::vector<std::string> paths;
    const HostLayout layout = FindTreeLayout(tree_).value();
    for (const SystemEntry& entry : layout.system) paths.push_back(entry.path);
    return paths;
  }

  std::string top_;
  std::string tree_;
};

TEST_F(TreeLayout, ShowsTheTreesDirectoriesAndNothingThatTheHoodMakesItself) {
  for (const char* name : {"usr/bin", "opt/tool", "dev/shm", "proc", "sys/fs", "tmp/left", "home/lab", "root/.ssh", "run/lock", "etc/apt",
                           "fumehood/db", ".stage/attempt", "var/lib/texmf", "var/tmp/left", "var/run/x", "srv"}) {
    Dir(name);
  }
  Link("bin", "usr/bin");
  File("entrypoint.sh", "#!/bin/sh\n", 0755);
  EXPECT_THAT(Paths(), ElementsAre("/bin", "/opt", "/srv", "/usr", "/var/lib"));
}

TEST_F(TreeLayout, ALinkIsShownAsALinkHoweverItClimbsAndNeverFollowed) {
  Dir("usr/x");
  Link("lib", "/etc");
  Link("opt", "../../../../../../etc");
  Link("var", "/var");
  const HostLayout layout = FindTreeLayout(tree_).value();
  ASSERT_EQ(layout.system.size(), 3U);
  EXPECT_EQ(layout.system[0].link_target, "/etc");
  EXPECT_EQ(layout.system[1].link_target, "../../../../../../etc");
  EXPECT_EQ(layout.system[2].path, "/usr");
  for (const SystemEntry& entry : layout.system) EXPECT_EQ(entry.source.empty(), !entry.link_target.empty());
}

TEST_F(TreeLayout, APlanTakesTheDirectoryFromTheTreeAndOnlyWhileItIsTheSame) {
  Dir("usr/bin");
  HoodRequest request;
  request.host = FindTreeLayout(tree_).value();
  request.host.etc_tree = "/state/cache/etc";
  request.attempt_dir = "/state/runs/R/attempts/1";
  request.cwd = "/";
  const HoodPlan plan = PlanHood(request);
  const auto taken = std::find_if(plan.steps.begin(), plan.steps.end(), [&](const HoodStep& s) { return s.path == tree_ + "/usr"; });
  ASSERT_NE(taken, plan.steps.end());
  struct stat info {};
  ASSERT_EQ(stat((tree_ + "/usr").c_str(), &info), 0);
  EXPECT_EQ(taken->op, Op::kOpenTree);
  EXPECT_EQ(taken->flags & (kTreeSameFile | kTreeReadOnly | kTreeNoDev | kTreeNoSuid), static_cast<uint32_t>(kTreeSameFile | kTreeReadOnly | kTreeNoDev | kTreeNoSuid));
  EXPECT_EQ(taken->text, std::to_string(info.st_dev) + " " + std::to_string(info.st_ino));
  EXPECT_THAT(DescribePlan(plan), Not(HasSubstr("take '/usr' from the host")));
}

TEST_F(TreeLayout, AnEmptyDirectoryIsMadeSoThatSomethingCanBeShownInIt) {
  Dir("usr/bin");
  Dir("srv");
  const HostLayout layout = FindTreeLayout(tree_).value();
  EXPECT_EQ(WhyNotShownAt(tree_, layout, "/srv/project", true), "");
  EXPECT_EQ(WhyNotShownAt(tree_, layout, "/data/project", true), "");
  EXPECT_EQ(WhyNotShownAt(tree_, layout, "/usr/bin", true), "");
  EXPECT_THAT(WhyNotShownAt(tree_, layout, "/usr/project", true), HasSubstr("'/usr/project' lies in /usr"));
  EXPECT_THAT(WhyNotShownAt(tree_, layout, "/usr/bin", false), HasSubstr("no such file"));
}

TEST_F(TreeLayout, AnExecutableIsLookedForInTheTreeAlone) {
  File("usr/bin/tool", "x", 0755);
  File("usr/bin/text", "x", 0644);
  Link("bin", "/usr/bin");             // absolute: of the tree
  Link("usr/bin/shell", "/bin/bash");  // the host's, where it is followed
  EXPECT_TRUE(HasExecutable(tree_, "/bin/tool"));
  EXPECT_FALSE(HasExecutable(tree_, "/bin/text"));
  EXPECT_FALSE(HasExecutable(tree_, "/bin/shell"));
  EXPECT_FALSE(HasExecutable(tree_, "/../../../../../../../bin/bash"));
}

TEST_F(TreeLayout, WhatIsNoRootFileSystemIsRefused) {
  File("notes.txt", "x");
  const auto layout = FindTreeLayout(tree_);
  ASSERT_FALSE(layout);
  EXPECT_THAT(layout.error().message(), HasSubstr("there are no directories such as usr"));
  for (int i = 0; i < 100; ++i) Dir("d" + std::to_string(i));
  EXPECT_FALSE(FindTreeLayout(tree_));
}

TEST_F(TreeLayout, EtcIsTheImagesButForUsersHostsAndPasswords) {
  File("etc/tool.conf", "the image's");
  File("etc/deep/er.conf", "too");
  File("etc/passwd", "image:x:0:0::/:/bin/sh\n");
  File("etc/shadow", "image:$6$secret\n", 0644);
  File("etc/private.key", "secret", 0600);
  File("etc/hosts", "10.0.0.1 image\n");
  File("etc/nsswitch.conf", "hosts: nis\n");
  Link("etc/stolen", "/etc/passwd");
  Dir("usr/bin");
  EtcRequest request{.state_dir = top_ + "/state", .uid = 4711, .gid = 4711, .tree = tree_};
  const std::string etc = EnsureEtcTree(request).value();
  const auto read = [&](const std::string& name) { return ReadFile(kHere, etc + "/" + name).value(); };
  EXPECT_EQ(read("tool.conf"), "the image's");
  EXPECT_EQ(read("deep/er.conf"), "too");
  EXPECT_THAT(read("passwd"), HasSubstr("analysis:x:4711:4711:"));
  EXPECT_THAT(read("passwd"), Not(HasSubstr("image")));
  EXPECT_THAT(read("hosts"), HasSubstr("localhost"));
  EXPECT_THAT(read("nsswitch.conf"), HasSubstr("hosts: files dns"));
  EXPECT_FALSE(FindStat(kHere, etc + "/shadow", false).value());
  EXPECT_FALSE(FindStat(kHere, etc + "/private.key", false).value());
  EXPECT_TRUE(S_ISLNK(FindStat(kHere, etc + "/stolen", false).value()->st_mode)) << "a link is copied, not followed";
  EXPECT_EQ(EnsureEtcTree(request).value(), etc);
  File("etc/deep/er.conf", "changed");
  EXPECT_NE(EnsureEtcTree(request).value(), etc) << "without an identity its files are looked at";
}

TEST_F(TreeLayout, AnEtcThatIsALinkIsNoneAtAll) {
  Dir("usr/bin");
  Link("etc", "/etc");
  const std::string etc = EnsureEtcTree({.state_dir = top_ + "/state", .tree = tree_}).value();
  EXPECT_FALSE(FindStat(kHere, etc + "/ld.so.conf", false).value()) << "the host's /etc was followed into";
  EXPECT_TRUE(FindStat(kHere, etc + "/passwd", false).value());
}

}  // namespace
}  // namespace fumehood
