#include "src/cli/top_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

using testing::HasSubstr;
using testing::Not;

TopScene Scene() {
  TopScene scene{.time = "2026-01-02 03:04:05", .running = 1, .waiting = 1, .ended = 30, .memory_taken_mb = 1024, .memory_budget_mb = 4096, .cpu_taken_milli = 1500,
                 .cpu_budget_milli = 2000};
  TopRun run;
  run.row.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  run.row.name = "fit \x1b[31mred";
  run.row.status = RunStatus::kRunning;
  run.row.memory_limit_mb = 1000;
  run.row.cpu_quota = 2;
  run.memory_mb = {0, 500, 999};
  run.cores = {0.5, 2};
  run.seconds = 61;
  scene.runs.push_back(run);
  run.row.status = RunStatus::kPending;
  run.row.waits = true;
  scene.runs.push_back(run);
  return scene;
}

TEST(TopFrame, ShowsRunsTheQueueAndTheBudget) {
  const std::string frame = DrawTop(Scene(), 160, 40, false);
  EXPECT_THAT(frame, HasSubstr("1 running, 1 waiting, 30 ended"));
  EXPECT_THAT(frame, HasSubstr("1024 of 4096 MiB"));
  EXPECT_THAT(frame, HasSubstr("1.5 of 2.0"));
  EXPECT_THAT(frame, HasSubstr("999/1000 MiB"));
  EXPECT_THAT(frame, HasSubstr("WAITING"));
  EXPECT_THAT(frame, HasSubstr("▁▅█"));
  EXPECT_THAT(frame, Not(HasSubstr("\x1b")));
}

TEST(TopFrame, KeepsToItsRowsAndTheChosenRunInSight) {
  TopScene scene = Scene();
  for (int i = 0; i < 100; ++i) scene.runs.push_back(scene.runs[0]);
  scene.runs[90].row.id = "01CHOSENXXXXXXXXXXXXXXXXXX";
  scene.selected = 90;
  const std::string frame = DrawTop(scene, 160, 20, true);
  EXPECT_LE(Split(frame, '\n').size(), 21U);
  EXPECT_THAT(frame, HasSubstr(">01CHOSENXXXX"));
}

TEST(Sparkline, HasTheWidthThatWasAskedFor) {
  EXPECT_EQ(Sparkline({}, 10, 3), "   ");
  EXPECT_EQ(Sparkline({0, 5, 10, 100, -1}, 10, 5), "▁▅██▁");
  EXPECT_EQ(Sparkline({1, 2, 3}, 0, 2), "▁▁");
}

}  // namespace
}  // namespace fumehood
