#include "src/hood/planner.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace fumehood {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HoodRequest Request() {
  HoodRequest request;
  request.host.system = {{"/usr", ""}, {"/bin", "usr/bin"}};
  request.host.etc_tree = "/state/cache/etc";
  request.attempt_dir = "/state/runs/R/attempts/1";
  request.cwd = "/home/lab/project";
  request.showings.push_back({.how = Showing::How::kCopyOnWrite, .source = "/home/lab/project", .target = "/home/lab/project",
                              .upper = "work", .scratch = "overlay",
                              .identity = {.device = 1, .inode = 2, .owner_uid = 1000, .owner_gid = 1000}});
  request.masked = {"/state"};
  return request;
}

size_t IndexOf(const HoodPlan& plan, Op op) {
  const auto found = std::find_if(plan.steps.begin(), plan.steps.end(), [op](const HoodStep& step) { return step.op == op; });
  return static_cast<size_t>(found - plan.steps.begin());
}

const HoodStep* Last(const HoodPlan& plan, Op op) {
  const HoodStep* last = nullptr;
  for (const HoodStep& step : plan.steps) {
    if (step.op == op) last = &step;
  }
  return last;
}

TEST(PlanHood, TakesEverythingFromTheHostBeforeTheHostsRootIsLetGo) {
  const HoodPlan plan = PlanHood(Request());
  const size_t root = IndexOf(plan, Op::kEnterRoot);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].op == Op::kOpenTree) {
      EXPECT_LT(i, root) << Describe(plan.steps[i]);
    }
  }
}

TEST(PlanHood, LoadsTheFilterLastAndOnlyAfterTheCapabilitiesAreGone) {
  const HoodPlan plan = PlanHood(Request());
  EXPECT_EQ(plan.steps.back().op, Op::kSeccomp);
  EXPECT_LT(IndexOf(plan, Op::kEnterRoot), IndexOf(plan, Op::kDropCapabilities));
  EXPECT_LT(IndexOf(plan, Op::kNoNewPrivileges), IndexOf(plan, Op::kLandlock));
  EXPECT_LT(IndexOf(plan, Op::kLandlock), IndexOf(plan, Op::kSeccomp));
}

TEST(PlanHood, ShowsTheSystemReadOnlyWithoutDevicesAndSetuid) {
  const HoodPlan plan = PlanHood(Request());
  for (const HoodStep& step : plan.steps) {
    if (step.op != Op::kOpenTree || step.path != "/usr") continue;
    EXPECT_EQ(step.flags & (kTreeReadOnly | kTreeNoDev | kTreeNoSuid), kTreeReadOnly | kTreeNoDev | kTreeNoSuid);
  }
}

TEST(PlanHood, CatchesWritesToTheWorkDirectoryInTheAttempt) {
  const HoodPlan plan = PlanHood(Request());
  const HoodStep* overlay = Last(plan, Op::kOverlay);
  ASSERT_NE(overlay, nullptr);
  EXPECT_EQ(overlay->path, "home/lab/project");
  EXPECT_THAT(overlay->text, HasSubstr("upperdir=.stage/attempt/work\n"));
}

TEST(PlanHood, ShowsAReadOnlyInputThroughAnOverlayAndNeverByABind) {
  HoodRequest request = Request();
  request.showings.push_back({.how = Showing::How::kReadOnly, .source = "/data/reads.fq", .target = "/data/reads.fq",
                              .identity = {.device = 1, .inode = 3, .is_directory = false}});
  const HoodPlan plan = PlanHood(request);
  const HoodStep* overlay = Last(plan, Op::kOverlay);
  ASSERT_NE(overlay, nullptr);
  EXPECT_THAT(overlay->text, Not(HasSubstr("upperdir")));
  const auto taken = std::find_if(plan.steps.begin(), plan.steps.end(), [](const HoodStep& s) { return s.op == Op::kOpenTree && s.path == "/data"; });
  EXPECT_NE(taken, plan.steps.end()) << "the file's directory is the overlay's lower layer";
}

TEST(PlanHood, MasksTheStateDirectoryWhereTheWorkDirectoryWouldShowIt) {
  HoodRequest request = Request();
  request.masked = {"/home/lab/project/.state"};
  const HoodPlan plan = PlanHood(request);
  EXPECT_TRUE(std::any_of(plan.steps.begin(), plan.steps.end(), [](const HoodStep& step) {
    return step.op == Op::kAttachFrom && step.path == "home/lab/project/.state" && step.text == ".stage/empty";
  }));
}

TEST(PlanHood, LeavesNothingOfTheStageInTheRoot) {
  const std::string text = DescribePlan(PlanHood(Request()));
  EXPECT_THAT(text, HasSubstr("remove directory '/.stage'\n"));
}

TEST(PlanHood, ANetworkOfTheHostIsTheOnlyNamespaceThatCanBeLeftOut) {
  HoodRequest request = Request();
  EXPECT_NE(PlanHood(request).namespaces & kNsNet, 0U);
  request.network_host = true;
  const HoodPlan plan = PlanHood(request);
  EXPECT_EQ(plan.namespaces & kNsNet, 0U);
  EXPECT_EQ(plan.namespaces, static_cast<uint32_t>(kNsUser | kNsMount | kNsPid | kNsIpc | kNsUts | kNsCgroup | kNsTime));
  EXPECT_EQ(IndexOf(plan, Op::kLoopbackUp), plan.steps.size());
}

TEST(PlanHood, GivesEachTreeASlotOfItsOwn) {
  const HoodPlan plan = PlanHood(Request());
  std::vector<int> slots;
  for (const HoodStep& step : plan.steps) {
    if (step.op == Op::kOpenTree) slots.push_back(step.slot);
  }
  std::sort(slots.begin(), slots.end());
  EXPECT_EQ(std::adjacent_find(slots.begin(), slots.end()), slots.end());
}

TEST(TakeBoxPlan, HasNothingOfTheRun) {
  HoodRequest request = Request();
  request.memory_bytes = 1 << 20;
  request.file_size_bytes = 1 << 20;
  HoodRequest other = request;
  other.cwd = "/home/lab/other";
  other.showings[0].source = other.showings[0].target = other.cwd;
  other.showings[0].identity = {.device = 1, .inode = 9, .owner_uid = 7, .owner_gid = 7};
  other.memory_bytes = 2 << 20;
  other.file_size_bytes = 0;
  HoodPlan plan = PlanHood(request);
  HoodPlan other_plan = PlanHood(other);
  const size_t steps = plan.steps.size();
  const HoodPlan box = TakeBoxPlan(plan);
  EXPECT_EQ(DescribePlan(box), DescribePlan(TakeBoxPlan(other_plan)));
  EXPECT_EQ(box.steps.size() + plan.steps.size(), steps);
  EXPECT_EQ(box.namespaces, plan.namespaces);
  EXPECT_EQ(IndexOf(box, Op::kSeccomp), box.steps.size()) << "the filter is the last step of the run";
}

TEST(DescribePlan, NeverShowsTheEnvironment) {
  HoodPlan plan = PlanHood(Request());
  plan.env = {"TOKEN=s3cr3t"};
  EXPECT_THAT(DescribePlan(plan), Not(HasSubstr("s3cr3t")));
}

}  // namespace
}  // namespace fumehood
