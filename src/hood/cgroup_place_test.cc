// Fake trees: what FindCgroupPlace decides on hosts that are not this one.
#include "src/hood/cgroup_place.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "src/sys/file.h"

namespace fumehood {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kV2Mount[] = "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";

class CgroupPlaceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "cgroup_place.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(MakeDirs(root_ + ParentPath(path), 0755));
    const auto file = OpenAt(kHere, root_ + path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ASSERT_TRUE(file);
    ASSERT_TRUE(WriteAll(file->get(), text));
  }
  void PutMounts(const std::string& mountinfo, const std::string& own) {
    Put("/proc/self/mountinfo", mountinfo);
    Put("/proc/self/cgroup", own);
  }
  // A v2 cgroup. `type` is empty for the root cgroup of a machine.
  void PutV2(const std::string& path, const std::string& type, const std::string& there, const std::string& handed_on,
             const std::string& procs) {
    Put(path + "/cgroup.controllers", there + "\n");
    Put(path + "/cgroup.subtree_control", handed_on + "\n");
    Put(path + "/cgroup.procs", procs);
    if (!type.empty()) Put(path + "/cgroup.type", type + "\n");
  }
  void PutV1(const std::string& path) { Put(path + "/cgroup.procs", "1\n"); }

  // Root may write everything; others what lies in `given`.
  CgroupPlace Find(uid_t uid, const std::set<std::string>& given = {}, const std::string& preferred = "") {
    const CgroupCaller caller{uid, [uid, given](int root_dir, const std::string& path) {
                                return faccessat(root_dir, path.c_str(), F_OK, 0) == 0 && (uid == 0 || given.count("/" + path) != 0);
                              }};
    auto place = FindCgroupPlaceFor(caller, preferred, root_);
    EXPECT_TRUE(place) << place.error().message();
    return std::move(place).value();
  }

  std::string root_;
};

TEST_F(CgroupPlaceTest, RootOnPureV2UsesTheNearestAncestorThatHandsControllersOn) {
  PutMounts(kV2Mount, "0::/init\n");
  PutV2("/sys/fs/cgroup", "", "cpuset cpu io memory pids", "cpu io memory pids", "");
  PutV2("/sys/fs/cgroup/init", "domain", "cpu io memory pids", "", "1\n2\n");
  const CgroupPlace place = Find(0);
  EXPECT_EQ(place.version, CgroupVersion::kV2);
  EXPECT_EQ(place.how, "direct");
  EXPECT_EQ(place.v2_parent, "/sys/fs/cgroup/fumehood");
  EXPECT_THAT(place.controllers, UnorderedElementsAre("memory", "cpu", "pids"));
  EXPECT_THAT(place.missing, IsEmpty());
  EXPECT_FALSE(place.needs_scope);
}

TEST_F(CgroupPlaceTest, TheRootCgroupOfAMachineMayHoldProcesses) {
  PutMounts(kV2Mount, "0::/\n");
  PutV2("/sys/fs/cgroup", "", "cpu io memory pids", "", "1\n");
  EXPECT_EQ(Find(0).v2_parent, "/sys/fs/cgroup/fumehood");
}

TEST_F(CgroupPlaceTest, TheRootOfAContainersNamespaceMayNotAndTheReasonSaysWhatToDo) {
  PutMounts(kV2Mount, "0::/\n");
  PutV2("/sys/fs/cgroup", "domain", "cpu io memory pids", "", "1\n");
  const CgroupPlace place = Find(0);
  EXPECT_EQ(place.version, CgroupVersion::kNone);
  EXPECT_THAT(place.how, HasSubstr("move them into a child of it (mkdir /sys/fs/cgroup/init"));
}

TEST_F(CgroupPlaceTest, CpusetIsNotTakenForCpu) {
  PutMounts(kV2Mount, "0::/\n");
  PutV2("/sys/fs/cgroup", "", "cpuset memory pids", "", "");
  const CgroupPlace place = Find(0);
  EXPECT_THAT(place.controllers, UnorderedElementsAre("memory", "pids"));
  EXPECT_THAT(place.missing, Contains(Pair("cpu", HasSubstr("does not list it"))));
}

TEST_F(CgroupPlaceTest, AUserGetsTheAncestorThatWasDelegatedToThem) {
  const std::string given = "/sys/fs/cgroup/lab";
  PutMounts(kV2Mount, "0::/lab/session\n");
  PutV2("/sys/fs/cgroup", "", "cpu memory pids", "cpu memory pids", "");
  PutV2(given, "domain", "cpu memory pids", "", "");
  PutV2(given + "/session", "domain", "", "", "77\n");
  const std::set<std::string> all = {given, given + "/cgroup.procs", given + "/cgroup.subtree_control", given + "/session",
                                     given + "/session/cgroup.procs", given + "/session/cgroup.subtree_control"};
  const CgroupPlace place = Find(1000, all);
  EXPECT_EQ(place.how, "delegated");
  EXPECT_EQ(place.v2_parent, given + "/fumehood");
  EXPECT_THAT(place.controllers, UnorderedElementsAre("memory", "cpu", "pids"));

  // Without cgroup.procs of the common ancestor the kernel would refuse to start a process there.
  const CgroupPlace refused = Find(1000, {given, given + "/cgroup.subtree_control"});
  EXPECT_EQ(refused.version, CgroupVersion::kNone);
  EXPECT_THAT(refused.how, HasSubstr("sudo fumehood setup --user"));
}

TEST_F(CgroupPlaceTest, AUserOutsideOfTheirSubtreeIsToldHowToGetIn) {
  PutMounts(kV2Mount, "0::/init\n");
  PutV2("/sys/fs/cgroup", "", "cpu memory pids", "cpu memory pids", "");
  PutV2("/sys/fs/cgroup/init", "domain", "", "", "1\n");
  PutV2("/sys/fs/cgroup/fumehood-1000", "domain", "cpu memory pids", "cpu memory pids", "");
  EXPECT_THAT(Find(1000).how, HasSubstr("sudo tee /sys/fs/cgroup/fumehood-1000/session/cgroup.procs"));
}

TEST_F(CgroupPlaceTest, UnderSystemdAnOrdinaryUserAsksForAScope) {
  PutMounts(kV2Mount, "0::/user.slice/user-1000.slice/session-1.scope\n");
  PutV2("/sys/fs/cgroup", "", "cpu memory pids", "cpu memory pids", "");
  Put("/run/systemd/system/x", "");
  const std::string manager = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service";
  PutV2(manager, "domain", "memory pids", "memory pids", "");
  EXPECT_THAT(Find(1000).how, HasSubstr("loginctl enable-linger 1000"));
  Put("/run/user/1000/bus", "");
  const CgroupPlace place = Find(1000);
  EXPECT_TRUE(place.needs_scope);
  EXPECT_EQ(place.how, "systemd scope");
  EXPECT_EQ(place.v2_parent, "");
  EXPECT_THAT(place.controllers, UnorderedElementsAre("memory", "pids"));
  EXPECT_THAT(place.missing, Contains(Pair("cpu", HasSubstr("Delegate=cpu io memory pids"))));
  EXPECT_EQ(PlaceInScope(place, "/a/b.scope").v2_parent, "/sys/fs/cgroup/a/b.scope");
  EXPECT_FALSE(PlaceInScope(place, "/a/b.scope").needs_scope);
}

TEST_F(CgroupPlaceTest, UnderSystemdRootAsksForAScopeUnlessItsOwnUnitIsDelegated) {
  PutMounts(kV2Mount, "0::/system.slice/fumehood.service/main\n");
  PutV2("/sys/fs/cgroup", "", "cpu memory pids", "cpu memory pids", "");
  const std::string unit = "/sys/fs/cgroup/system.slice/fumehood.service";
  PutV2(unit, "domain", "cpu memory pids", "", "");
  PutV2(unit + "/main", "domain", "", "", "9\n");
  Put("/run/systemd/system/x", "");
  EXPECT_TRUE(Find(0).needs_scope);
  if (setxattr((root_ + unit).c_str(), "user.delegate", "1", 1, 0) != 0) GTEST_SKIP() << "needs attributes: the temporary directory keeps none of users";
  const CgroupPlace place = Find(0);
  EXPECT_FALSE(place.needs_scope);
  EXPECT_EQ(place.v2_parent, unit + "/fumehood");
}

class HybridHost : public CgroupPlaceTest {
 protected:
  void SetUp() override {
    CgroupPlaceTest::SetUp();
    std::string mountinfo = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    std::string own = "0::/\n4:memory:/outer/box\n";
    for (const std::string controller : {"cpu", "cpuacct", "memory", "freezer", "blkio", "pids", "cpuset"}) {
      const std::string mount_point = "/sys/fs/cgroup/" + controller;
      mountinfo += "32 31 0:29 / " + mount_point + " rw,relatime - cgroup cgroup rw," + controller + "\n";
      if (controller != "memory") own += "1:" + controller + ":/\n";
      PutV1(mount_point);
    }
    PutV1("/sys/fs/cgroup/memory/outer/box");
    PutV2("/sys/fs/cgroup/unified", "", "", "", "1\n");
    PutMounts(mountinfo, own);
  }
};

TEST_F(HybridHost, RootStaysBelowItsOwnCgroupAndKillsByTheV2Half) {
  const CgroupPlace place = Find(0);
  EXPECT_EQ(place.version, CgroupVersion::kV1);
  EXPECT_EQ(place.how, "v1 hierarchies");
  EXPECT_EQ(place.v1_parents.at("memory"), "/sys/fs/cgroup/memory/outer/box/fumehood");
  EXPECT_EQ(place.v1_parents.at("cpu"), "/sys/fs/cgroup/cpu/fumehood");
  EXPECT_EQ(place.v2_kill_parent, "/sys/fs/cgroup/unified/fumehood");
  EXPECT_EQ(place.v2_parent, "");
  EXPECT_THAT(place.v1_parents, Not(Contains(Key("freezer"))));
  EXPECT_THAT(place.controllers, UnorderedElementsAre("memory", "cpu", "pids"));
  EXPECT_THAT(place.missing, IsEmpty());
}

TEST_F(HybridHost, AUserWithoutASubtreeIsToldTheCommand) {
  const CgroupPlace place = Find(1000);
  EXPECT_EQ(place.version, CgroupVersion::kNone);
  EXPECT_THAT(place.missing.at("pids"), HasSubstr("sudo fumehood setup --user"));
  EXPECT_THAT(place.v1_parents, IsEmpty());
}

TEST_F(HybridHost, AUserWithASubtreeKillsByTheFreezer) {
  std::set<std::string> given;
  for (const std::string controller : {"cpu", "cpuacct", "freezer", "blkio", "pids"}) {
    given.insert("/sys/fs/cgroup/" + controller + "/fumehood-1000");
  }
  given.insert("/sys/fs/cgroup/memory/outer/fumehood-1000");
  for (const std::string& directory : given) PutV1(directory);
  const CgroupPlace place = Find(1000, given);
  EXPECT_EQ(place.version, CgroupVersion::kV1);
  EXPECT_EQ(place.v1_parents.at("memory"), "/sys/fs/cgroup/memory/outer/fumehood-1000");
  EXPECT_EQ(place.v1_parents.at("freezer"), "/sys/fs/cgroup/freezer/fumehood-1000");
  EXPECT_THAT(place.v1_parents, Contains(Key("cpuacct")));
  EXPECT_EQ(place.v2_kill_parent, "");
}

TEST_F(HybridHost, AConfiguredParentIsUsedInEachHierarchy) {
  for (const std::string controller : {"cpu", "memory", "blkio", "pids", "unified"}) PutV1("/sys/fs/cgroup/" + controller + "/lab");
  const CgroupPlace place = Find(0, {}, "/lab");
  EXPECT_EQ(place.v1_parents.at("memory"), "/sys/fs/cgroup/memory/lab/fumehood");
  EXPECT_EQ(place.v2_kill_parent, "/sys/fs/cgroup/unified/lab/fumehood");
}

TEST_F(CgroupPlaceTest, CoMountedControllersShareTheirDirectory) {
  PutMounts("31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
            "32 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            "2:cpu,cpuacct:/a\n3:memory:/b\n");
  PutV1("/sys/fs/cgroup/cpu,cpuacct/a");
  PutV1("/sys/fs/cgroup/memory/b");
  const CgroupPlace place = Find(0);
  EXPECT_EQ(place.v1_parents.at("cpu"), place.v1_parents.at("cpuacct"));
  EXPECT_EQ(place.v1_parents.at("cpu"), "/sys/fs/cgroup/cpu,cpuacct/a/fumehood");
  EXPECT_THAT(place.missing, ElementsAre(Pair("pids", HasSubstr("no mounted cgroup hierarchy has this controller"))));
}

TEST_F(CgroupPlaceTest, NothingMountedIsAPlaceWithNoneAndAReasonEach) {
  PutMounts("22 1 0:21 / /proc rw - proc proc rw\n", "0::/\n");
  const CgroupPlace place = Find(0);
  EXPECT_EQ(place.version, CgroupVersion::kNone);
  EXPECT_EQ(place.missing.size(), 3U);
  EXPECT_THAT(place.how, HasSubstr("no mounted cgroup hierarchy"));
}

TEST_F(CgroupPlaceTest, AContainerWithReadOnlyCgroupsIsToldSo) {
  PutMounts("30 25 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "0::/\n");
  PutV2("/sys/fs/cgroup", "domain", "cpu memory pids", "", "1\n");
  const CgroupPlace place = Find(0);
  EXPECT_EQ(place.version, CgroupVersion::kNone);
  EXPECT_THAT(place.how, HasSubstr("mounted read-only"));
}

TEST_F(CgroupPlaceTest, AConfiguredParentIsTheOnlyOneTried) {
  PutMounts(kV2Mount, "0::/\n");
  PutV2("/sys/fs/cgroup", "", "cpu memory pids", "cpu memory pids", "");
  PutV2("/sys/fs/cgroup/lab", "domain", "cpu memory pids", "", "");
  EXPECT_EQ(Find(0, {}, "/sys/fs/cgroup/lab").v2_parent, "/sys/fs/cgroup/lab/fumehood");
  EXPECT_THAT(Find(0, {}, "/sys/fs/cgroup/gone").how, HasSubstr("/sys/fs/cgroup/gone"));
  EXPECT_FALSE(FindCgroupPlace("relative", root_));
  EXPECT_FALSE(FindCgroupPlace("/sys/../etc", root_));
}

TEST_F(CgroupPlaceTest, RefusesToLimitOnAFileSystemThatIsNotCgroups) {
  CgroupPlace place;
  place.version = CgroupVersion::kV2;
  place.controllers = {"memory"};
  place.v2_parent = root_ + "/fumehood";
  const auto run = RunCgroup::Create(place, "run", {.memory_bytes = 1 << 20, .cpu_quota = 0, .pids_max = 0});
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message(), HasSubstr("is not on a cgroup v2 file system"));
  const auto cpu = RunCgroup::Create(place, "run", {.memory_bytes = 0, .cpu_quota = 1, .pids_max = 0});
  ASSERT_FALSE(cpu);
  EXPECT_EQ(cpu.error().code(), ErrorCode::kUnsupported);
  EXPECT_FALSE(RunCgroup::Create(place, "../run", {}));
}

}  // namespace
}  // namespace fumehood
