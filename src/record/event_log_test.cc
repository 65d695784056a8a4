#include "src/record/event_log.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "src/base/json_writer.h"
#include "src/record/closing.h"
#include "src/record/sha256.h"
#include "src/record/test_dir.h"
#include "src/record/verify.h"

namespace fumehood {
namespace {

std::string Members(const std::string& text) {
  JsonWriter members;
  members.Key("text").String(text);
  return members.Take();
}

ChainReport Verify(const TestDir& dir) { return VerifyChain(dir.Get("events.jsonl")); }

void WriteThree(const TestDir& dir) {
  EventLog log = EventLog::Open(dir.fd()).value();
  ASSERT_TRUE(log.Append("created"));
  ASSERT_TRUE(log.Append("started", Members("a \"name\"\nwith everything \x01")));
  ASSERT_TRUE(log.Append("ended"));
  ASSERT_TRUE(log.Sync());
}

TEST(EventLog, WritesAChainThatVerifies) {
  const TestDir dir;
  WriteThree(dir);
  const ChainReport report = Verify(dir);
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.events, 3);
  EXPECT_FALSE(report.ends_torn);
  EXPECT_NE(dir.Get("events.jsonl").find("\"prev\":\"" + std::string(64, '0') + "\"}\n"), std::string::npos);
}

TEST(EventLog, GoesOnWithTheChainThatIsThere) {
  const TestDir dir;
  WriteThree(dir);
  WriteThree(dir);
  const ChainReport report = Verify(dir);
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.events, 6);
}

TEST(EventLog, HasOneWriterAtATime) {
  const TestDir dir;
  const auto first = EventLog::Open(dir.fd());
  ASSERT_TRUE(first);
  const auto second = EventLog::Open(dir.fd());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
}

// Whatever byte a crash stops at, the next writer goes on and the whole verifies, with at most one event lost.
TEST(EventLog, ClosesOffATearAtEveryByte) {
  const TestDir dir;
  WriteThree(dir);
  const std::string whole = dir.Get("events.jsonl");
  const size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t cut = last_line; cut < whole.size(); ++cut) {
    dir.Put("events.jsonl", whole.substr(0, cut));
    if (cut > last_line) {
      EXPECT_TRUE(Verify(dir).ends_torn) << cut;
    }
    EXPECT_TRUE(Verify(dir).findings.empty()) << cut;
    WriteThree(dir);
    const ChainReport report = Verify(dir);
    EXPECT_TRUE(report.findings.empty()) << cut;
    EXPECT_EQ(report.torn_events, cut > last_line && cut < whole.size() - 1 ? 1 : 0) << cut;
  }
}

TEST(EventLog, ClosesOffATearThatTheClosingOffItselfSuffered) {
  const TestDir dir;
  WriteThree(dir);
  dir.Put("events.jsonl", dir.Get("events.jsonl") + "{\"seq\":3,\"ti\n{\"seq\":3,\"time\":\"20");
  WriteThree(dir);
  EXPECT_TRUE(Verify(dir).findings.empty());
  EXPECT_EQ(Verify(dir).torn_events, 1);
  EXPECT_EQ(Verify(dir).events, 7);
}

TEST(EventLog, StartsAnewAfterATornFirstLine) {
  const TestDir dir;
  dir.Put("events.jsonl", "{\"seq\":0,");
  WriteThree(dir);
  EXPECT_TRUE(Verify(dir).findings.empty());
  EXPECT_EQ(Verify(dir).events, 4);
}

TEST(EventLog, RefusesAFileThatIsNoLog) {
  const TestDir dir;
  dir.Put("events.jsonl", std::string(300000, 'x'));
  const auto log = EventLog::Open(dir.fd());
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code(), ErrorCode::kCorrupt);
}

TEST(EventLog, RefusesAnEventThatIsTooLongOrTwoLines) {
  const TestDir dir;
  EventLog log = EventLog::Open(dir.fd()).value();
  EXPECT_FALSE(log.Append("big", Members(std::string(kMaxEventBytes, 'x'))));
  EXPECT_FALSE(log.Append("two", "\"a\":1,\n\"b\":2"));
  ASSERT_TRUE(log.Append("good"));
  EXPECT_TRUE(Verify(dir).findings.empty());
}

TEST(VerifyChain, FindsEveryChangedByte) {
  const TestDir dir;
  WriteThree(dir);
  {
    EventLog log = EventLog::Open(dir.fd()).value();
    ASSERT_TRUE(AppendClosing(log, {{"result.json", 3, Sha256Hex("abc")}}));
  }
  const std::string whole = dir.Get("events.jsonl");
  ASSERT_TRUE(VerifyChain(whole).closed);
  ASSERT_TRUE(VerifyChain(whole).findings.empty());
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char with : {'0', '\n', 'x'}) {
      if (whole[at] == with) continue;
      std::string changed = whole;
      changed[at] = with;
      const ChainReport report = VerifyChain(changed);
      EXPECT_TRUE(!report.findings.empty() || report.ends_torn) << at << " " << with;
      if (report.findings.empty()) continue;
      // The finding is at the line of the byte, or at the next when the byte was the break between two.
      const auto line = 1 + std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      EXPECT_LE(std::abs(report.findings.front().line - line), 1) << at;
    }
  }
}

TEST(VerifyChain, FindsRemovedAndAddedAndExchangedLines) {
  const TestDir dir;
  WriteThree(dir);
  WriteThree(dir);
  std::vector<std::string> lines;
  const std::string whole = dir.Get("events.jsonl");
  for (size_t at = 0; at < whole.size(); at = whole.find('\n', at) + 1) lines.push_back(whole.substr(at, whole.find('\n', at) + 1 - at));
  ASSERT_EQ(lines.size(), 6U);
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    std::string removed, doubled, blank, exchanged;
    for (size_t k = 0; k < lines.size(); ++k) {
      if (k != i) removed += lines[k];
      doubled += k == i ? lines[k] + lines[k] : lines[k];
      blank += k == i ? lines[k] + "\n" : lines[k];
      exchanged += lines[k == i ? i + 1 : k == i + 1 ? i : k];
    }
    for (const std::string& text : {removed, doubled, blank, exchanged}) EXPECT_FALSE(VerifyChain(text).findings.empty()) << i;
  }
}

}  // namespace
}  // namespace fumehood
