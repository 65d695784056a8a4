// Refusals themselves are tested below a filter that makes them: tests/integration/test_lesser_kernels.py.
#include "src/hood/kernel_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace fumehood {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(KernelCalls, AKernelThatRunsTheseTestsRefusesNone) {
  EXPECT_THAT(RefusedCalls(), IsEmpty());
  EXPECT_TRUE(CheckKernelCalls());
}

TEST(KernelCalls, ANewerKernelIsAdvisedOnlyWhereTheOldOneLacksACall) {
  EXPECT_THAT(MendCalls({{"openat2", "files", EPERM}}), Not(HasSubstr("boot")));
  EXPECT_THAT(MendCalls({{"openat2", "files", ENOSYS}}), HasSubstr("boot"));
}

}  // namespace
}  // namespace fumehood
