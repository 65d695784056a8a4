#include "src/record/usage_csv.h"

#include <gtest/gtest.h>

#include "src/record/test_dir.h"

namespace fumehood {
namespace {

TEST(UsageCsv, HasAHeaderAndARowASample) {
  const TestDir dir;
  UsageCsv csv = UsageCsv::Create(dir.fd()).value();
  UsageSample sample;
  sample.time = WallTime(std::chrono::microseconds(1700000000123456));
  sample.cpu_user_s = 1.5;
  sample.memory_bytes = 3 << 19;
  sample.pids = 4;
  sample.read_bytes = 5;
  sample.written_bytes = 6;
  sample.throttled_s = 0.25;
  sample.disk_bytes = 1 << 20;
  ASSERT_TRUE(csv.Append(sample));
  EXPECT_EQ(dir.Get("usage.csv"), std::string(kUsageCsvHeader) +
                                      "2023-11-14T22:13:20.123456Z,1.500000,0.000000,1.500,4,5,6,0.250000,1.000\n");
}

TEST(UsageCsv, LeavesTheCellsOfWhatTheHostCannotTellEmpty) {
  const TestDir dir;
  UsageCsv csv = UsageCsv::Create(dir.fd()).value();
  ASSERT_TRUE(csv.Append({}));
  EXPECT_TRUE(dir.Get("usage.csv").ends_with("\n1970-01-01T00:00:00.000000Z,0.000000,0.000000,,,,,,\n"));
}

}  // namespace
}  // namespace fumehood
