#include "src/store/statistics.h"

#include <gtest/gtest.h>

namespace fumehood {
namespace {

RunRow Row(const std::string& analysis, RunStatus status, Reason reason, double peak_mb, int64_t asked_mb) {
  RunRow row;
  row.id = "01";
  row.analysis = analysis;
  row.name = analysis;
  row.status = status;
  row.reason = reason;
  row.memory_peak_mb = peak_mb;
  row.memory_limit_mb = asked_mb;
  row.timeout_seconds = 1800;
  row.submitted_us = 1'000'000;
  row.started_us = 3'000'000;
  row.finished_us = 13'000'000;
  row.wall_s = 10;
  return row;
}

TEST(Statistics, PercentilesAreThoseOfTheNearestRank) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(PercentilesOf(values), (Percentiles{50, 90, 99}));
  EXPECT_EQ(PercentilesOf({7}), (Percentiles{7, 7, 7}));
  EXPECT_EQ(PercentilesOf({}), (Percentiles{0, 0, 0}));
}

TEST(Statistics, CountsWhatEndedAndWhy) {
  const Statistics all = Summarise({Row("a", RunStatus::kCompleted, Reason::kExited, 10, 100), Row("a", RunStatus::kFailed, Reason::kTimeout, 10, 100),
                                    Row("b", RunStatus::kRunning, Reason::kNone, 0, 100)}, {});
  EXPECT_EQ(all.runs, 3);
  EXPECT_EQ(all.ended, 2);
  EXPECT_EQ(all.failures, (std::map<Reason, int64_t>{{Reason::kTimeout, 1}}));
  EXPECT_EQ(all.waited_s.median, 2);
  EXPECT_EQ(all.span_s, 12);
  EXPECT_EQ(all.ended_per_hour, 600);
}

TEST(Statistics, NamesLimitsThatAreFarTooHighAndThoseThatAreTooLow) {
  std::vector<RunRow> rows;
  for (int i = 0; i < 5; ++i) rows.push_back(Row("idle", RunStatus::kCompleted, Reason::kExited, 200, 16384));
  for (int i = 0; i < 5; ++i) rows.push_back(Row("good", RunStatus::kCompleted, Reason::kExited, 800, 1024));
  for (int i = 0; i < 3; ++i) rows.push_back(Row("tight", RunStatus::kCompleted, Reason::kExited, 950, 1000));
  rows.push_back(Row("tight", RunStatus::kFailed, Reason::kMemoryLimit, 1000, 1000));
  rows.push_back(Row("new", RunStatus::kCompleted, Reason::kExited, 10, 2048));
  const Statistics all = Summarise(rows, {});
  std::map<std::string, AnalysisUse> found;
  for (const AnalysisUse& use : all.analyses) found[use.analysis] = use;
  EXPECT_EQ(found["idle"].memory, Fit::kTooHigh);
  EXPECT_EQ(found["idle"].suggested_mb, 250);
  EXPECT_EQ(found["good"].memory, Fit::kGood);
  EXPECT_EQ(found["tight"].memory, Fit::kTooLow);
  EXPECT_EQ(found["tight"].suggested_mb, 1250);
  EXPECT_EQ(found["new"].memory, Fit::kUnknown);
  EXPECT_EQ(all.analyses.front().analysis, "idle");
}

}  // namespace
}  // namespace fumehood
