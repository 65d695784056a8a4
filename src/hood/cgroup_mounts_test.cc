#include "src/hood/cgroup_mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fumehood {
namespace {

using ::testing::ElementsAre;

TEST(CgroupMounts, ComparesControllersAsWholeWords) {
  const CgroupMounts mounts = ParseCgroupMounts(
      "30 25 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
      "3:cpuset:/set\n2:cpu,cpuacct:/both\n");
  ASSERT_NE(mounts.FindV1("cpu"), nullptr);
  EXPECT_EQ(mounts.FindV1("cpu")->mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts.FindV1("cpu"), mounts.FindV1("cpuacct"));
  EXPECT_THAT(mounts.FindV1("cpuset")->controllers, ElementsAre("cpuset"));
  EXPECT_EQ(mounts.FindV1("memory"), nullptr);
  EXPECT_FALSE(mounts.v2.has_value());
}

TEST(CgroupMounts, FindsItsOwnCgroupBelowAMountedPartOfTheHierarchy) {
  const CgroupMounts mounts =
      ParseCgroupMounts("30 25 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n", "4:memory:/docker/abc/in\n");
  EXPECT_EQ(mounts.FindV1("memory")->own, "/in");
  EXPECT_TRUE(mounts.FindV1("memory")->read_only);
}

TEST(CgroupMounts, KnowsWhenItsOwnCgroupIsOutOfSight) {
  const std::string other = "30 25 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(ParseCgroupMounts(other, "0::/docker/abcdef\n").v2->own, std::nullopt);
  EXPECT_EQ(ParseCgroupMounts("30 25 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/\n").v2->own, std::nullopt);
  EXPECT_EQ(ParseCgroupMounts("30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../x\n").v2->own, std::nullopt);
}

TEST(CgroupMounts, PrefersTheMountThatCanBeWritten) {
  const CgroupMounts mounts = ParseCgroupMounts(
      "30 25 0:26 / /ro rw - cgroup2 cgroup2 ro\n"
      "31 25 0:26 / /rw rw shared:7 master:2 - cgroup2 cgroup2 rw,nsdelegate\n",
      "0::/a:b\n");
  EXPECT_EQ(mounts.v2->mount_point, "/rw");
  EXPECT_EQ(mounts.v2->own, "/a:b");
}

TEST(CgroupMounts, UnescapesPathsAndPassesOverLinesThatMakeNoSense) {
  const CgroupMounts mounts = ParseCgroupMounts(
      "nonsense\n\n30 25\n31 25 0:26 / /my\\040cgroups rw -\n"
      "32 25 0:26 / /my\\040cgroups\\134 rw - cgroup2 cgroup2 rw\n",
      "0:\nx\n0::/a\n");
  EXPECT_EQ(mounts.v2->mount_point, "/my cgroups\\");
}

TEST(CgroupMounts, DoesNotTakeANamedHierarchyForAController) {
  const CgroupMounts mounts = ParseCgroupMounts("30 25 0:26 / /s rw - cgroup cgroup rw,name=memory\n", "1:name=memory:/\n");
  EXPECT_EQ(mounts.FindV1("memory"), nullptr);
}

TEST(CgroupPaths, AreJoinedAndComparedByWholeComponents) {
  EXPECT_EQ(PathBelow("/a/b", "/a"), "/b");
  EXPECT_EQ(PathBelow("/ab", "/a"), std::nullopt);
  EXPECT_EQ(PathBelow("/a", "/a"), "/");
  EXPECT_EQ(PathBelow("/a", "/"), "/a");
  EXPECT_EQ(JoinPath("/a/", "/b/"), "/a/b");
  EXPECT_EQ(JoinPath("/", "/"), "/");
  EXPECT_EQ(JoinPath("/a", ""), "/a");
  EXPECT_EQ(ParentPath("/a/b"), "/a");
  EXPECT_EQ(ParentPath("/a"), "/");
}

}  // namespace
}  // namespace fumehood
