#include "src/spec/limits.h"

#include "src/spec/test_spec.h"

namespace fumehood {
namespace {

TEST(ResolveLimits, TakesTheProfilesLimitsAndTheSpecsOwnOnTop) {
  AnalysisSpec spec;
  spec.profile = "tool";
  EXPECT_EQ(ResolveLimits(spec, TestConfig()).memory_limit_mb, 512);
  spec.memory_limit_mb = 4096;
  spec.cpu_quota = 0.25;
  spec.output_limit_mb = 0;
  const Limits limits = ResolveLimits(spec, TestConfig());
  EXPECT_EQ(limits.memory_limit_mb, 4096);
  EXPECT_EQ(limits.cpu_quota, 0.25);
  EXPECT_EQ(limits.output_limit_mb, 0);
  EXPECT_EQ(limits.timeout_seconds, Limits().timeout_seconds);
}

TEST(ResolveLimits, KeepsAProfileBelowTheMaximum) {
  Config config = TestConfig();
  config.maximum.memory_limit_mb = 100;
  config.maximum.cpu_quota = 0.5;
  const Limits limits = ResolveLimits({}, config);
  EXPECT_EQ(limits.memory_limit_mb, 100);
  EXPECT_EQ(limits.cpu_quota, 0.5);
  EXPECT_EQ(limits.idle_timeout_seconds, 0) << "off stays off";
}

TEST(LimitFields, KnowWhichZeroMeansNoLimit) {
  const LimitField& idle = *FindLimitField("idle_timeout_seconds");
  EXPECT_TRUE(IsAsTight(idle, 10, 0));
  EXPECT_FALSE(IsAsTight(idle, 0, 10));
  const LimitField& grace = *FindLimitField("grace_seconds");
  EXPECT_TRUE(IsAsTight(grace, 0, 10));
}

}  // namespace
}  // namespace fumehood
