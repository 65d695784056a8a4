#include "src/keeper/failure_note.h"

#include <gtest/gtest.h>

#include "src/base/text.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

constexpr const char* kNote = "tmp/tmp/failure_note";

class FailureNote : public ::testing::Test {
 protected:
  FailureNote() {
    dir_.Dir("tmp");
    dir_.Dir("tmp/tmp");
  }
  TestDir dir_;
};

TEST_F(FailureNote, IsTheFirstLineInQuotes) {
  dir_.Put(kNote, "\n  cell 3 failed: ValueError  \nand more\n");
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "'cell 3 failed: ValueError'");
}

TEST_F(FailureNote, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "");
  dir_.Put(kNote, " \n\t\n");
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "");
}

TEST_F(FailureNote, OfAnythingButAFileIsEmpty) {
  dir_.Put("secret", "the host's\n");
  dir_.Link(kNote, dir_.At("secret"));
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "");
  ASSERT_EQ(unlinkat(dir_.fd(), kNote, 0), 0);
  dir_.Fifo(kNote);
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "");
  ASSERT_EQ(unlinkat(dir_.fd(), kNote, 0), 0);
  dir_.Dir(kNote);
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "");
}

TEST_F(FailureNote, ThroughALinkedDirectoryIsEmpty) {
  ASSERT_EQ(unlinkat(dir_.fd(), "tmp/tmp", AT_REMOVEDIR), 0);
  dir_.Dir("elsewhere");
  dir_.Put("elsewhere/failure_note", "the host's\n");
  dir_.Link("tmp/tmp", "../elsewhere");
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "");
}

TEST_F(FailureNote, IsShortHoweverLongTheFile) {
  dir_.Put(kNote, std::string(1 << 20, 'x'));
  EXPECT_EQ(ReadFailureNote(dir_.fd()), "'" + std::string(300, 'x') + "...'");
}

TEST(QuoteFailureNote, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(QuoteFailureNote("\x1b[2J\x07 done\x9b"), "'\\x1b[2J\\x07 done\\x9b'");
}

TEST(QuoteFailureNote, TurnsNoText) {
  EXPECT_EQ(QuoteFailureNote("a\xE2\x80\xAE" "b\xE2\x81\xA6" "c\xE2\x80\xA8" "d"), "'abcd'");
}

TEST(QuoteFailureNote, CutsNoCharacter) {
  const std::string note = std::string(299, 'x') + "\xC3\xA9\xC3\xA9";
  EXPECT_EQ(QuoteFailureNote(note), "'" + std::string(299, 'x') + "...'");
  EXPECT_TRUE(IsValidUtf8(QuoteFailureNote(note)));
}

}  // namespace
}  // namespace fumehood
