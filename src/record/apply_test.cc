#include "src/record/apply.h"

#include <sys/xattr.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "src/record/test_dir.h"

namespace fumehood {
namespace {

const WallTime kLongAgo{};
const WallTime kNever = WallTime(std::chrono::hours(24 * 365 * 200));

struct Trees {
  TestDir upper;
  TestDir project;

  Difference Diff(WallTime started = kNever) const {
    auto difference = DiffAgainstProject(upper.fd(), project.fd(), started);
    EXPECT_TRUE(difference) << difference.error().message();
    return std::move(*difference);
  }
  // "A new.txt", one a change.
  std::string Letters() const {
    std::string text;
    const Difference difference = Diff();
    for (const Change& change : difference.changes) text += std::string(1, Letter(change.kind)) + " " + change.path + "\n";
    return text;
  }
  std::vector<ApplyOutcome> ApplyAll(const std::vector<std::string>& paths = {}, WallTime started = kNever,
                                     const ApplyOptions& options = {}) const {
    auto plan = PlanApply(Diff(started), paths);
    EXPECT_TRUE(plan) << plan.error().message();
    return Apply(*plan, upper.fd(), project.fd(), options);
  }
};

const ApplyOutcome& At(const std::vector<ApplyOutcome>& outcomes, const std::string& path) {
  static const ApplyOutcome kNone{"", ApplyState::kFailed, "no such outcome"};
  const auto found = std::find_if(outcomes.begin(), outcomes.end(), [&](const ApplyOutcome& o) { return o.path == path; });
  return found == outcomes.end() ? kNone : *found;
}

std::vector<std::string> Names(const TestDir& dir) {
  std::vector<std::string> names;
  const std::vector<DirEntry> entries = ListDir(dir.fd()).value();
  for (const DirEntry& entry : entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Diff, TellsEachKindOfChange) {
  const Trees trees;
  for (const char* name : {"same", "modified", "gone", "mode", "type"}) trees.project.Put(name, "old");
  trees.project.Dir("dir");
  trees.project.Put("dir/inside", "old");
  trees.upper.Put("same", "old");
  trees.upper.Put("modified", "new");
  trees.upper.Whiteout("gone");
  trees.upper.Whiteout("never was");
  trees.upper.Put("mode", "old", 0755);
  trees.upper.Dir("type");
  trees.upper.Dir("dir");
  trees.upper.Put("dir/new", "x");
  EXPECT_EQ(trees.Letters(), "A dir/new\nD gone\nP mode\nM modified\nT type\n");
  EXPECT_EQ(trees.Diff().identical, 1);
}

TEST(Diff, ShowsWhatAnOpaqueDirectoryHides) {
  const Trees trees;
  trees.project.Dir("d");
  trees.project.Put("d/old", "1");
  trees.project.Put("d/kept", "1");
  trees.upper.Dir("d");
  trees.upper.Put("d/kept", "1");
  if (setxattr(trees.upper.At("d").c_str(), "user.overlay.opaque", "y", 1, 0) != 0) GTEST_SKIP() << "needs attributes: the temporary directory keeps none of users";
  EXPECT_EQ(trees.Letters(), "D d/old\n");
}

TEST(Diff, MarksWhatChangedInTheProjectMeanwhile) {
  const Trees trees;
  trees.project.Put("f", "old");
  trees.project.Dir("d");
  trees.project.Put("d/inside", "old");
  trees.upper.Put("f", "new");
  trees.upper.Whiteout("d");
  const Difference after = trees.Diff(kLongAgo);
  for (const Change& change : after.changes) EXPECT_TRUE(change.changed_meanwhile) << change.path;
  const Difference before = trees.Diff(kNever);
  for (const Change& change : before.changes) EXPECT_FALSE(change.changed_meanwhile) << change.path;
}

TEST(Apply, BringsEverythingOverSoThatNoDifferenceIsLeft) {
  const Trees trees;
  for (const char* name : {"modified", "gone", "file to dir"}) trees.project.Put(name, "old");
  trees.project.Dir("dir to file");
  trees.project.Put("dir to file/x", "1");
  trees.upper.Put("modified", "new", 0755);
  trees.upper.Whiteout("gone");
  trees.upper.Dir("file to dir");
  trees.upper.Put("file to dir/x", "1");
  trees.upper.Put("dir to file", "now a file");
  trees.upper.Dir("deep");
  trees.upper.Dir("deep/er");
  trees.upper.Put("deep/er/new\nline \xff", "x");
  trees.upper.Link("link", "deep/er");
  trees.upper.Link("deep/up", "../modified");
  for (const ApplyOutcome& outcome : trees.ApplyAll()) EXPECT_EQ(outcome.state, ApplyState::kDone) << outcome.path << outcome.message;
  EXPECT_EQ(trees.Letters(), "");
  EXPECT_EQ(trees.project.Get("modified"), "new");
  EXPECT_EQ(trees.project.Get("dir to file"), "now a file");
  EXPECT_EQ(trees.project.Get("link/new\nline \xff"), "x");
  EXPECT_EQ(Names(trees.project), (std::vector<std::string>{"deep", "dir to file", "file to dir", "link", "modified"}));
}

TEST(Apply, DropsEveryPrivilegeAndAttribute) {
  const Trees trees;
  trees.upper.Put("tool", "#!", 06755);
  trees.upper.Dir("d", 03777);
  const bool attributes = setxattr(trees.upper.At("tool").c_str(), "user.evil", "1", 1, 0) == 0;
  trees.ApplyAll();
  EXPECT_EQ(trees.project.ModeOf("tool"), 0755U);
  EXPECT_EQ(trees.project.ModeOf("d") & 07000U, 0U);
  if (attributes) {
    EXPECT_LT(getxattr(trees.project.At("tool").c_str(), "user.evil", nullptr, 0), 0);
  }
}

TEST(Apply, GivesOthersNoMoreThanTheCallersUmask) {
  const Trees trees;
  trees.upper.Put("f", "x", 0666);
  const mode_t old = umask(027);
  trees.ApplyAll();
  umask(old);
  EXPECT_EQ(trees.project.ModeOf("f"), 0640U);
}

TEST(Apply, RefusesSpecialFilesAndLinksThatLeave) {
  const Trees trees;
  trees.project.Link("theirs", "..");
  trees.upper.Fifo("fifo");
  trees.upper.Link("absolute", "/etc/passwd");
  trees.upper.Link("above", "../x");
  trees.upper.Dir("d");
  trees.upper.Link("d/behind", "x/../../y");
  trees.upper.Link("through", "theirs/secret");
  trees.upper.Link("d/good", "../dangling");
  const auto outcomes = trees.ApplyAll();
  for (const char* name : {"fifo", "absolute", "above", "d/behind"}) EXPECT_EQ(At(outcomes, name).state, ApplyState::kLeft) << name;
  EXPECT_EQ(At(outcomes, "through").state, ApplyState::kFailed);
  EXPECT_EQ(At(outcomes, "d/good").state, ApplyState::kDone);
  EXPECT_EQ(Names(trees.project), (std::vector<std::string>{"d", "theirs"}));
}

TEST(Apply, WantsHiddenFilesAndWhatGitRunsNamed) {
  const Trees trees;
  trees.upper.Put(".bashrc", "evil");
  trees.upper.Put("plain", "good");
  trees.upper.Dir(".git");
  trees.upper.Put(".git/index", "x");
  trees.upper.Put(".git/config", "evil");
  trees.upper.Dir(".git/hooks");
  trees.upper.Put(".git/hooks/pre-commit", "evil", 0755);
  auto outcomes = trees.ApplyAll();
  EXPECT_EQ(Names(trees.project), std::vector<std::string>{"plain"});
  EXPECT_NE(At(outcomes, ".git/hooks/pre-commit").message.find("'.git/hooks'"), std::string::npos);
  trees.ApplyAll({".git"});
  EXPECT_TRUE(trees.project.Has(".git/index"));
  EXPECT_FALSE(trees.project.Has(".git/config"));
  EXPECT_FALSE(trees.project.Has(".git/hooks"));
  trees.ApplyAll({".git/hooks/pre-commit", "./.bashrc"});
  EXPECT_TRUE(trees.project.Has(".git/hooks/pre-commit"));
  EXPECT_TRUE(trees.project.Has(".bashrc"));
  EXPECT_FALSE(trees.project.Has(".git/config"));
}

TEST(Apply, TakesOnlyWhatWasAskedFor) {
  const Trees trees;
  trees.upper.Dir("a");
  trees.upper.Put("a/one", "1");
  trees.upper.Put("a/two", "2");
  trees.upper.Put("ab", "3");
  trees.ApplyAll({"a/one"});
  EXPECT_TRUE(trees.project.Has("a/one"));
  EXPECT_FALSE(trees.project.Has("a/two"));
  trees.ApplyAll({"a/"});
  EXPECT_TRUE(trees.project.Has("a/two"));
  EXPECT_FALSE(trees.project.Has("ab"));
}

TEST(PlanApply, RefusesPathsOutsideAndThoseThatNameNothing) {
  const Trees trees;
  trees.upper.Put("a", "1");
  for (const std::string path : {"/etc/passwd", "../x", "a/../../x"}) {
    EXPECT_EQ(PlanApply(trees.Diff(), {path}).error().code(), ErrorCode::kInvalidArgument) << path;
  }
  EXPECT_EQ(PlanApply(trees.Diff(), {"nothing"}).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Apply, AsksBeforeItOverwritesWhatChangedMeanwhile) {
  const Trees trees;
  trees.project.Put("f", "mine");
  trees.upper.Put("f", "theirs");
  EXPECT_EQ(trees.ApplyAll({}, kLongAgo).front().state, ApplyState::kLeft);
  EXPECT_EQ(trees.ApplyAll({}, kLongAgo, {.confirm = [](const ApplyStep&) { return false; }}).front().state, ApplyState::kLeft);
  EXPECT_EQ(trees.project.Get("f"), "mine");
  EXPECT_EQ(trees.ApplyAll({}, kLongAgo, {.confirm = [](const ApplyStep&) { return true; }}).front().state, ApplyState::kDone);
  EXPECT_EQ(trees.project.Get("f"), "theirs");
  trees.project.Put("f", "mine again");
  EXPECT_EQ(trees.ApplyAll({}, kLongAgo, {.force = true}).front().state, ApplyState::kDone);
  EXPECT_EQ(trees.project.Get("f"), "theirs");
}

TEST(Apply, LeavesAloneWhatChangedSinceThePlanWasMade) {
  const Trees trees;
  trees.project.Put("f", "old");
  trees.upper.Put("f", "new");
  trees.upper.Put("g", "new");
  const ApplyPlan plan = PlanApply(trees.Diff(), {}).value();
  trees.project.Put("g", "made just now");
  ASSERT_EQ(unlink(trees.project.At("f").c_str()), 0);
  trees.project.Put("f", "saved just now");
  for (const ApplyOutcome& outcome : Apply(plan, trees.upper.fd(), trees.project.fd(), {})) {
    EXPECT_EQ(outcome.state, ApplyState::kFailed) << outcome.path;
  }
  EXPECT_EQ(trees.project.Get("f"), "saved just now");
  EXPECT_EQ(trees.project.Get("g"), "made just now");
}

TEST(Apply, FailsAtOnePathAndGoesOnWithTheOthers) {
  const Trees trees;
  const TestDir outside;
  trees.project.Link("d", outside.path());
  trees.upper.Dir("d");
  trees.upper.Put("d/x", "1");
  trees.upper.Put("good", "1");
  const ApplyPlan plan = PlanApply(trees.Diff(), {"d/x", "good"}).value();
  const auto outcomes = Apply(plan, trees.upper.fd(), trees.project.fd(), {});
  EXPECT_EQ(At(outcomes, "d/x").state, ApplyState::kFailed);
  EXPECT_EQ(At(outcomes, "good").state, ApplyState::kDone);
  EXPECT_TRUE(Names(outside).empty());
}

TEST(Apply, KeepsASparseFileSparse) {
  const Trees trees;
  const Fd huge = OpenAt(trees.upper.fd(), "huge", O_WRONLY | O_CREAT, 0600).value();
  ASSERT_EQ(pwrite(huge.get(), "x", 1, off_t{1} << 30), 1);
  ASSERT_EQ(ftruncate(huge.get(), off_t{1} << 40), 0);
  ASSERT_EQ(trees.ApplyAll().front().state, ApplyState::kDone);
  const auto info = FindStat(trees.project.fd(), "huge", false).value();
  EXPECT_EQ(info->st_size, off_t{1} << 40);
  EXPECT_LT(info->st_blocks, 10000);
}

// While a thread exchanges a directory of the project for a link to the outside, nothing is ever written there.
TEST(Apply, WritesNothingOutsideWhenALinkIsSwappedIn) {
  const Trees trees;
  const TestDir outside;
  trees.project.Dir("d");
  trees.project.Link("link", outside.path());
  trees.upper.Dir("d");
  trees.upper.Put("d/f", "x");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop) (void)renameat2(trees.project.fd(), "d", trees.project.fd(), "link", RENAME_EXCHANGE);
  });
  for (int i = 0; i < 300; ++i) {
    auto plan = PlanApply(trees.Diff(), {});
    if (plan) (void)Apply(*plan, trees.upper.fd(), trees.project.fd(), {.force = true});
    (void)unlink(trees.project.At("d/f").c_str());
  }
  stop = true;
  swapper.join();
  EXPECT_TRUE(Names(outside).empty());
}

}  // namespace
}  // namespace fumehood
