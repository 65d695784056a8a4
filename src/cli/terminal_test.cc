#include "src/cli/terminal.h"

#include <gtest/gtest.h>

#include "src/cli/progress_line.h"
#include "src/cli/time_text.h"

namespace fumehood {
namespace {

TEST(Table, PadsEveryColumnButTheLast) {
  EXPECT_EQ(Table({{"A", "B"}, {"longer", "x"}, {"s", "y"}}, false), "A       B\nlonger  x\ns       y\n");
}

TEST(Table, ColoursTakeNoRoom) {
  const std::string red = Painted("ab", Colour::kBad, true);
  EXPECT_EQ(Table({{"head", "B"}, {red, "x"}}, false), "head  B\n" + red + "    x\n");
}

TEST(Table, CountsCharactersAndNotBytes) { EXPECT_EQ(Table({{"\xC3\xA4", "x"}, {"ab", "y"}}, false), "\xC3\xA4   x\nab  y\n"); }

TEST(Painted, IsPlainWhereThereIsNoTerminal) { EXPECT_EQ(Painted("text", Colour::kBad, false), "text"); }

TEST(Shown, LeavesPlainNamesAsTheyAreAndEscapesTheOthers) {
  EXPECT_EQ(Shown("cells of day 3"), "cells of day 3");
  EXPECT_EQ(Shown("a\033[2Jb"), "'a\\x1b[2Jb'");
}

TEST(HumanSeconds, GetsCoarserTheLongerItIs) {
  EXPECT_EQ(HumanSeconds(3.24), "3.2 s");
  EXPECT_EQ(HumanSeconds(250), "4 min 10 s");
  EXPECT_EQ(HumanSeconds(7260), "2 h 1 min");
}

TEST(ErrorText, GivesEachProblemALineOfItsOwn) {
  const Error error("the spec has problems", {{"cpu_quota", "is 0", "spec.yaml", 3, 7}, {"name", "is empty", "", 0, 0}});
  EXPECT_EQ(ErrorText(error, false), "fumehood: the spec has problems\n  spec.yaml:3:7: cpu_quota: is 0\n  name: is empty\n");
}

TEST(TimeText, ReadsWhatTheRecordsHold) {
  const std::string text = "2026-01-02T03:04:05.678901Z";
  ASSERT_TRUE(ParseRfc3339(text));
  EXPECT_EQ(Rfc3339(*ParseRfc3339(text)), text);
  for (const char* other : {"", "2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678901Z ", "yesterday"}) {
    EXPECT_FALSE(ParseRfc3339(other)) << other;
    EXPECT_EQ(LocalTime(other), other);
  }
}

TEST(TimeText, ARunIdBeginsWithTheTimeOfItsSubmission) {
  // The example of the ULID specification: 1469918176385 ms.
  EXPECT_EQ(SubmittedAt("01ARYZ6S41TSV4RRFFQ69G5FAV"), "2016-07-30T22:36:16.385000Z");
  EXPECT_EQ(SubmittedAt("no id"), "");
}

TEST(ProgressLine, ReadsTheLastWholeRow) {
  const UsageRow row = LastUsageRow("cut,1\nT,1.5,0.5,12.25,3,,,,\nT,9.0,9");
  EXPECT_DOUBLE_EQ(row.cpu_s, 2.0);
  EXPECT_DOUBLE_EQ(row.memory_mb, 12.25);
  EXPECT_DOUBLE_EQ(LastUsageRow("").memory_mb, 0);
  EXPECT_DOUBLE_EQ(LastUsageRow("no row\n").memory_mb, 0);
}

TEST(ErrorJson, HasEveryProblemWithItsPlace) {
  const Error error("'a.yaml' has a problem", {{"cpu_quota", "is 0", "a.yaml", 3, 7}});
  EXPECT_EQ(ErrorJson(error),
            "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"'a.yaml' has a problem\",\"problems\":[{\"field\":\"cpu_quota\","
            "\"message\":\"is 0\",\"source\":\"a.yaml\",\"line\":3,\"column\":7}]}}\n");
  EXPECT_EQ(ErrorJson(Error(ErrorCode::kNotFound, "x")), "{\"error\":{\"code\":\"not_found\",\"message\":\"x\",\"problems\":[]}}\n");
}

TEST(ErrorText, NamesAFlagAndNotItsFieldAndHidesNothingOfAName) {
  EXPECT_EQ(ErrorText(Error("x", {{"cpu_quota", "is 0", "--cpus"}, {"name", "is odd", "a\033.yaml", 1}}), false),
            "fumehood: x\n  --cpus: is 0\n  'a\\x1b.yaml':1: name: is odd\n");
}

}  // namespace
}  // namespace fumehood
