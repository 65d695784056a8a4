#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include <boost/json.hpp>

#include "fumehood/run_result.h"
#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/base/ulid.h"

namespace fumehood {
namespace {

TEST(NearestName, FindsATypoAndNothingElse) {
  EXPECT_EQ(NearestName("memroy", {"memory", "cpus"}), "memory");
  EXPECT_EQ(NearestName("zebra", {"memory", "cpus"}), "");
  EXPECT_EQ(NearestName("TIMEOT", {"STATE", "EXECUTOR"}), "");
}

TEST(NearestName, TakesTwoLettersTheWrongWayRoundForOneSlip) {
  EXPECT_EQ(NearestName("slrum", {"local", "container", "slurm"}), "slurm");
  EXPECT_EQ(NearestName("hots", {"none", "host"}), "host");
  EXPECT_EQ(NearestName("pyhton3", {"python3"}), "python3");
}

TEST(NearestName, KnowsALongerNameByItsFirstPart) {
  EXPECT_EQ(NearestName("memory_limt", {"memory_limit_mb", "pids_limit"}), "memory_limit_mb");
  EXPECT_EQ(NearestName("timeot", {"state_dir", "timeout_seconds"}), "timeout_seconds");
  EXPECT_EQ(NearestName("--idle", {"--inodes", "--idle-timeout"}), "--idle-timeout");
}

TEST(Quoted, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Quoted("a b"), "'a b'");
  EXPECT_EQ(Quoted("a\nb"), "'a\\nb'");
  EXPECT_EQ(Quoted("\033[31m"), "'\\x1b[31m'");
  EXPECT_EQ(Quoted("\xC2\x9B" "31m"), "'\\xc2\\x9b31m'") << "C1 controls obey too";
  EXPECT_EQ(Quoted("\xFF"), "'\\xff'");
  EXPECT_EQ(Quoted("Größe"), "'Größe'");
}

RC_GTEST_PROP(Quoted, NeverLetsAControlCharacterThrough, (const std::string& text)) {
  for (const char c : Quoted(text)) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

RC_GTEST_PROP(JsonWriter, WritesStringsThatReadBack, (const std::string& text)) {
  JsonWriter json;
  json.BeginArray().String(text).EndArray();
  boost::system::error_code error;
  const boost::json::value back = boost::json::parse(json.text(), error);
  RC_ASSERT(!error);
  if (IsValidUtf8(text)) RC_ASSERT(std::string(back.as_array()[0].as_string()) == text);
}

TEST(JsonWriter, SeparatesMembersAndItems) {
  JsonWriter json;
  json.BeginObject().Key("a").Int(1).Key("b").BeginArray().Bool(true).Null().Double(0.5).EndArray().EndObject();
  EXPECT_EQ(json.text(), R"({"a":1,"b":[true,null,0.5]})");
}

TEST(JsonWriter, HasNoNumberForWhatIsNotFinite) {
  JsonWriter json;
  json.Double(1.0 / 0.0);
  EXPECT_EQ(json.text(), "null");
}

TEST(NewRunId, IsValidDifferentEachTimeAndSortsByTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(NewRunId());
  EXPECT_EQ(ids.size(), 1000U);
  for (const std::string& id : ids) EXPECT_TRUE(IsRunId(id)) << id;
  EXPECT_LT(std::string("01"), NewRunId().substr(0, 2) + "Z");
}

TEST(IsRunId, RefusesPathsAndOtherAlphabets) {
  EXPECT_FALSE(IsRunId("../../../../../etc/passwd00"));
  EXPECT_FALSE(IsRunId("01ARZ3NDEKTSV4RRFFQ69G5FAU"));  // U is not of the alphabet
  EXPECT_FALSE(IsRunId("81ARZ3NDEKTSV4RRFFQ69G5FAV"));  // beyond 128 bits
  EXPECT_FALSE(IsRunId(""));
}

TEST(Rfc3339, HasMicrosecondsAndIsUtc) {
  EXPECT_EQ(Rfc3339(WallTime(std::chrono::microseconds(1234567))), "1970-01-01T00:00:01.234567Z");
}

TEST(Names, OfStatesAndReasonsReadBack) {
  for (int i = 0; i <= static_cast<int>(RunStatus::kUnknown); ++i) {
    EXPECT_EQ(ParseRunStatus(Name(static_cast<RunStatus>(i))), static_cast<RunStatus>(i));
  }
  for (int i = 1; i <= static_cast<int>(Reason::kEngineError); ++i) {
    EXPECT_EQ(ParseReason(Name(static_cast<Reason>(i))), static_cast<Reason>(i));
  }
  EXPECT_EQ(ParseReason("nonsense"), std::nullopt);
}

TEST(SplitWords, SplitsAtAnyWhitespaceAndComparesWhole) {
  EXPECT_EQ(SplitWords(" cpuset cpu\tio\n"), (std::vector<std::string>{"cpuset", "cpu", "io"}));
  EXPECT_TRUE(SplitWords(" \n").empty());
}

TEST(HumanBytes, PicksTheUnit) {
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(123456789), "117.7 MiB");
}

}  // namespace
}  // namespace fumehood
