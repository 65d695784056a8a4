#include "src/health/host_probes.h"

#include <gtest/gtest.h>

#include "src/health/mend.h"
#include "src/hood/landlock.h"
#include "src/hood/plan.h"

namespace fumehood {
namespace {

TEST(HostProbes, LeaveTheCallerAsItWas) {
  // Loaded here, the filter would end the clone of the probe after it.
  (void)TrySeccomp();
  EXPECT_EQ(TrySeccomp(), "");
  EXPECT_EQ(TryLandlock().empty(), LandlockAbi() >= kLowestLandlockAbi);
}

TEST(HostProbes, AnswerForEachNamespaceThatARunIsClonedInto) {
  const auto answers = TryNamespaces(false);
  EXPECT_EQ(answers.size(), kNamespaceNames.size() - 1);  // the run makes its cgroup namespace itself
  EXPECT_TRUE(answers.contains("user") && answers.contains("net"));
}

TEST(HostProbes, NoCgroupsHoldNothing) {
  const auto held = TryCgroups(CgroupPlace());
  ASSERT_TRUE(held) << held.error().message();
  EXPECT_TRUE(held->empty());
}

TEST(Mend, TakesTheCommandThatAReasonNames) {
  EXPECT_EQ(MendCgroups("this user's systemd manager does not run: `sudo loginctl enable-linger 1000`"), "sudo loginctl enable-linger 1000");
}

}  // namespace
}  // namespace fumehood
