#include "src/integrity/content.h"

#include <gtest/gtest.h>

#include "src/record/sha256.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

// Long ago, so that a digest is trusted as long as the file looks the same; the change time is now all the same, and cannot be set.
Content Settled(Content content) {
  for (FileContent& file : content.files) file.settled = true;
  return content;
}

Content LookAt(const std::string& path, const Content* known = nullptr, ContentBudget budget = {.bytes = 1 << 20}) {
  auto content = LookAtContent(path, known, budget);
  EXPECT_TRUE(content) << content.error().message();
  return content ? std::move(content).value() : Content();
}

class ContentTest : public ::testing::Test {
 protected:
  ContentTest() {
    dir_.Dir("in");
    dir_.Put("in/a.csv", "1,2\n");
    dir_.Dir("in/sub");
    dir_.Put("in/sub/b.csv", "3,4\n");
    dir_.Link("in/link", "../elsewhere");
  }
  Content Look(const Content* known = nullptr, ContentBudget budget = {.bytes = 1 << 20}) { return LookAt(dir_.At("in"), known, budget); }
  TestDir dir_;
};

TEST_F(ContentTest, OfAFileIsItsDigest) {
  const Content content = LookAt(dir_.At("in/a.csv"));
  EXPECT_EQ(content.sha256, Sha256Hex("1,2\n"));
  EXPECT_FALSE(content.is_directory);
  EXPECT_EQ(content.bytes, 4);
}

TEST_F(ContentTest, OfADirectoryIsTheSameAsLongAsNothingChanges) {
  const Content content = Look();
  EXPECT_EQ(content.sha256.size(), 64U);
  EXPECT_EQ(content.files.size(), 3U);
  EXPECT_EQ(Look().sha256, content.sha256);
  EXPECT_FALSE(Compare(content, Look()).any());
}

TEST_F(ContentTest, TellsEachKindOfChange) {
  const Content before = Look();
  dir_.Put("in/a.csv", "9,9\n");
  ContentChange change = Compare(before, Look());
  EXPECT_EQ(change.changed, 1);
  EXPECT_EQ(change.first, "a.csv");
  dir_.Put("in/sub/new", "");
  ASSERT_EQ(unlinkat(dir_.fd(), "in/a.csv", 0), 0);
  change = Compare(before, Look());
  EXPECT_EQ(change.added, 1);
  EXPECT_EQ(change.removed, 1);
  EXPECT_EQ(Describe(change, true), "1 file added, 1 removed, the first: 'sub/new'");
  EXPECT_NE(Look().sha256, before.sha256);
}

TEST_F(ContentTest, SeesWhereALinkLeadsAndNeverFollowsIt) {
  const Content before = Look();
  ASSERT_EQ(unlinkat(dir_.fd(), "in/link", 0), 0);
  dir_.Link("in/link", "/etc/passwd");
  EXPECT_EQ(Compare(before, Look()).changed, 1);
  EXPECT_EQ(Look().files.at(1).sha256, "");
}

TEST_F(ContentTest, AFileThatWasWrittenAnewWithTheSameTextIsNotChanged) {
  const Content before = Look();
  ASSERT_EQ(unlinkat(dir_.fd(), "in/a.csv", 0), 0);
  dir_.Put("in/a.csv", "1,2\n");
  EXPECT_FALSE(Compare(before, Look()).any());
}

TEST_F(ContentTest, DoesNotReadAgainWhatLooksTheSame) {
  Content known = Settled(Look());
  known.files.at(0).sha256 = "kept";
  EXPECT_EQ(Look(&known, {.bytes = 0}).files.at(0).sha256, "kept");
  known.files.at(0).settled = false;
  EXPECT_EQ(Look(&known).files.at(0).sha256, Sha256Hex("1,2\n"));
}

TEST_F(ContentTest, BeyondTheBudgetOnlySizeAndTimesAreCompared) {
  const Content before = Look(nullptr, {.bytes = 3});
  EXPECT_EQ(before.sha256, "");
  EXPECT_NE(before.unhashed, "");
  dir_.Put("in/a.csv", "9,9\n");
  const ContentChange change = Compare(before, Look(nullptr, {.bytes = 3}));
  EXPECT_EQ(change.changed, 0);
  EXPECT_EQ(change.rewritten, 1);
  dir_.Put("in/a.csv", "longer\n");
  EXPECT_EQ(Compare(before, Look(nullptr, {.bytes = 3})).changed, 1);
}

TEST_F(ContentTest, StopsAtItsMostFilesAndComparesThose) {
  for (int i = 0; i < 30; ++i) dir_.Put("in/sub/" + std::to_string(100 + i), "x");
  const ContentBudget few{.bytes = 1 << 20, .files = 10};
  const Content before = Look(nullptr, few);
  EXPECT_FALSE(before.whole);
  EXPECT_EQ(before.files.size(), 10U);
  EXPECT_EQ(before.sha256, "");
  dir_.Put("in/0", "in front of all");
  EXPECT_FALSE(Compare(before, Look(nullptr, few)).any());
  dir_.Put("in/a.csv", "9,9\n");
  EXPECT_EQ(Compare(before, Look(nullptr, few)).changed, 1);
}

TEST_F(ContentTest, OfAFifoInADirectoryNothingIsRead) {
  dir_.Fifo("in/pipe");
  EXPECT_EQ(Look().files.size(), 3U);
}

TEST_F(ContentTest, NamesADirectoryWithinOneOfTheSameName) {
  dir_.Dir("in/sub/sub");
  dir_.Put("in/sub/sub/c", "");
  dir_.Put("in/z", "");
  std::vector<std::string> paths;
  for (const FileContent& file : Look().files) paths.push_back(file.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"a.csv", "link", "sub/b.csv", "sub/sub/c", "z"}));
}

TEST_F(ContentTest, IsReadBackAsItWasWritten) {
  const Content content = Look();
  JsonWriter json;
  json.BeginObject();
  WriteContent(json, content);
  auto reader = JsonReader::Parse(json.EndObject().Take());
  ASSERT_TRUE(reader);
  const Content back = ReadContent(*reader);
  EXPECT_TRUE(reader->Finish());
  EXPECT_EQ(back.sha256, content.sha256);
  EXPECT_EQ(back.files.size(), content.files.size());
  EXPECT_EQ(back.files.at(1).link, "../elsewhere");
  EXPECT_EQ(back.files.at(0).sight, content.files.at(0).sight);
}

}  // namespace
}  // namespace fumehood
