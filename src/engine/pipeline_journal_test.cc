#include "src/engine/pipeline_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "src/record/test_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class Journal : public testing::Test {
 protected:
  PipelineJournal Open() { return PipelineJournal::Open(dir_.path()).value(); }
  std::string Text() { return ReadFile(kHere, dir_.path() + "/journal.jsonl").value(); }
  void Write(const std::string& text) { ASSERT_TRUE(WriteFileAtomically(dir_.fd(), "journal.jsonl", text, 0600, Durability::kLater)); }
  static JournalEntry Entry(const std::string& intent, const std::string& step = "align[s1]") {
    return {.step = step,
            .key = "k1",
            .intent = intent,
            .at = "2026-01-02T03:04:05.678901Z",
            .members = {{"command", "[\"x\"]"}, {"file.a.sh", "file 00"}}};
  }
  TestDir dir_;
};

TEST_F(Journal, GivesBackWhatWasWritten) {
  {
    PipelineJournal journal = Open();
    ASSERT_TRUE(journal.Intend(Entry("I1")));
    ASSERT_TRUE(journal.Submitted("I1", "R1"));
    ASSERT_TRUE(journal.Ended("I1", "COMPLETED", false));
    ASSERT_TRUE(journal.Intend(Entry("I2")));
    ASSERT_TRUE(journal.Refused("I2", "no room"));
    ASSERT_TRUE(journal.Intend(Entry("I3", "call")));
  }
  const PipelineJournal journal = Open();
  ASSERT_THAT(journal.entries(), SizeIs(2));
  const auto& align = journal.entries().at("align[s1]");
  ASSERT_THAT(align, SizeIs(2));
  EXPECT_EQ(align[0].run, "R1");
  EXPECT_EQ(align[0].status, "COMPLETED");
  EXPECT_FALSE(align[0].steady);
  EXPECT_EQ(align[0].members, Entry("I1").members);
  EXPECT_EQ(align[1].refused, "no room");
  EXPECT_EQ(journal.entries().at("call")[0].run, "");
}

TEST_F(Journal, CutsOffWhatACrashLeftHalf) {
  {
    PipelineJournal journal = Open();
    ASSERT_TRUE(journal.Intend(Entry("I1")));
  }
  const std::string whole = Text();
  // A kill at every byte of the second line.
  const std::string second = R"({"type":"run","intent":"I1","run":"R1"})" "\n";
  for (size_t length = 0; length < second.size(); ++length) {
    Write(whole + second.substr(0, length));
    PipelineJournal journal = Open();
    EXPECT_EQ(Text(), whole) << length;
    EXPECT_EQ(journal.entries().at("align[s1]")[0].run, "");
    ASSERT_TRUE(journal.Submitted("I1", "R2"));
    EXPECT_EQ(ReadJournal(dir_.path()).value().at("align[s1]")[0].run, "R2");
  }
  Write(whole + "\0\0\0\n");
  EXPECT_EQ(Open().entries().at("align[s1]")[0].intent, "I1");
}

TEST_F(Journal, RefusesWhatSomebodyElseWroteInItsMiddle) {
  Write("{\"type\":\"run\"}\n{\"type\":\"run\",\"intent\":\"I1\",\"run\":\"R1\"}\n");
  const auto opened = PipelineJournal::Open(dir_.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(opened.error().message(), HasSubstr("line 1 of the pipeline's journal"));
}

TEST_F(Journal, IsRewrittenWhenItHasGrownFarBeyondItsSteps) {
  {
    PipelineJournal journal = Open();
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(journal.Intend(Entry(fmt::format("I{}", i))));
      ASSERT_TRUE(journal.Submitted(fmt::format("I{}", i), fmt::format("R{}", i)));
    }
  }
  const PipelineJournal journal = Open();
  EXPECT_THAT(journal.entries().at("align[s1]"), SizeIs(100));
  const JournalEntries kept = ReadJournal(dir_.path()).value();
  ASSERT_THAT(kept.at("align[s1]"), SizeIs(4));
  EXPECT_EQ(kept.at("align[s1]")[3].run, "R99");
}

TEST_F(Journal, IsNoEntriesWhereThereIsNone) { EXPECT_THAT(ReadJournal(dir_.path()).value(), SizeIs(0)); }

}  // namespace
}  // namespace fumehood
