// What holds on file systems without project quotas; tests/integration/test_disk_quota.py has those that have them.
#include "src/keeper/disk_quota.h"

#include <gmock/gmock.h>

#include "src/record/run_dir.h"
#include "src/record/test_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using ::testing::HasSubstr;

// /proc never has them.
class WithoutQuotas : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = OpenDir(kHere, "/proc");
    ASSERT_TRUE(dir);
    attempt_ = std::move(*dir);
  }
  Fd attempt_;
  KeeperOrder order_;
};

TEST_F(WithoutQuotas, AutoAndSampledTakeNone) {
  for (const char* method : {"auto", "sampled"}) {
    order_.disk_method = method;
    const auto quota = LimitDisk(order_, attempt_.get());
    ASSERT_TRUE(quota) << quota.error().message();
    EXPECT_EQ(*quota, nullptr);
  }
}

TEST_F(WithoutQuotas, AskedForByNameItIsAnErrorThatSaysWhereToLook) {
  order_.disk_method = "quota";
  const auto quota = LimitDisk(order_, attempt_.get());
  ASSERT_FALSE(quota);
  EXPECT_THAT(quota.error().message(), HasSubstr("enforces no project quotas"));
  EXPECT_THAT(quota.error().message(), HasSubstr("fumehood doctor"));
}

TEST_F(WithoutQuotas, NothingIsLiftedWhereNothingWasSet) {
  LiftDiskQuota(attempt_.get());  // not even a work directory is there
  const TestDir dir;
  dir.Dir(layout::kWork);
  LiftDiskQuota(dir.fd());
}

}  // namespace
}  // namespace fumehood
