#include "src/engine/pipeline_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/record/outputs.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

using testing::HasSubstr;

constexpr const char* kRun = "01J00000000000000000000000";

class PipelineOutputs : public testing::Test {
 protected:
  void SetUp() override {
    auto run = MakeRun(state_.path(), kRun).value();
    auto attempt = MakeAttempt(run, 1).value();
    work_ = attempt.path + "/work/";
    Write("a.txt", "one\n");
    state_.Dir(Name("out"));
    Write("out/b.txt", "two\n");
    Write("out/tool", "#!/bin/sh\n", 0755);
    state_.Fifo(Name("out/fifo"));
    state_.Link(Name("out/link"), "/etc/passwd");
    const Fd work = OpenDir(kHere, work_).value();
    ASSERT_TRUE(CollectOutputs(work.get(), {}, run.fd.get(), Durability::kLater));
  }
  std::string Name(const std::string& name) const { return (work_ + name).substr(state_.path().size() + 1); }
  void Write(const std::string& name, std::string_view text, mode_t mode = 0644) { state_.Put(Name(name), text, mode); }
  RunOutputs Open() { return OpenOutputs(state_.path(), kRun).value(); }
  std::string To(const std::string& name) const { return to_.At(name); }

  TestDir state_, to_;
  OutputCopies copies_{to_.At("copies")};
  std::string work_;
};

TEST_F(PipelineOutputs, BringsOverFilesAndNothingElse) {
  ASSERT_TRUE(copies_.Copy(Open(), "out", To("out")));
  EXPECT_EQ(to_.Get("out/b.txt"), "two\n");
  EXPECT_EQ(to_.ModeOf("out/b.txt"), 0444U);
  EXPECT_EQ(to_.ModeOf("out/tool"), 0555U);
  EXPECT_FALSE(to_.Has("out/fifo"));
  EXPECT_FALSE(to_.Has("out/link"));
  ASSERT_TRUE(copies_.Copy(Open(), ".", To("all")));
  EXPECT_EQ(to_.Get("all/a.txt"), "one\n");
  EXPECT_EQ(to_.Get("all/out/b.txt"), "two\n");
  ASSERT_TRUE(copies_.Copy(Open(), "a.txt", To("a")));
  EXPECT_EQ(to_.Get("a"), "one\n");
}

TEST_F(PipelineOutputs, AreCopiedOnceForHoweverManyAsk) {
  for (const char* name : {"1", "2", "3"}) ASSERT_TRUE(copies_.Copy(Open(), "a.txt", To(name)));
  EXPECT_EQ(FindStat(kHere, To("1"), false).value()->st_ino, FindStat(kHere, To("3"), false).value()->st_ino);
  EXPECT_EQ(FindStat(kHere, To("1"), false).value()->st_nlink, 4U);
  copies_.Forget(kRun);
  EXPECT_EQ(FindStat(kHere, To("1"), false).value()->st_nlink, 3U);
  ASSERT_TRUE(copies_.Copy(Open(), "a.txt", To("4")));
  EXPECT_EQ(to_.Get("4"), "one\n");
}

TEST_F(PipelineOutputs, KnowsADirectoryByTheNamesAndBytesInIt) {
  const std::string before = DigestOfOutput(Open(), "out").value();
  EXPECT_THAT(before, testing::StartsWith("directory "));
  EXPECT_NE(before, DigestOfOutput(Open(), ".").value());
  // printf 'one\n' | sha256sum
  EXPECT_EQ(DigestOfOutput(Open(), "a.txt").value(), "file 2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806");
  EXPECT_EQ(DigestOfOutput(Open(), "ou").error().code(), ErrorCode::kNotFound);
}

TEST_F(PipelineOutputs, RefusesAFileThatIsNotWhatTheManifestSays) {
  Write("a.txt", "0ne\n");
  ASSERT_TRUE(ArePresent(Open()));
  const auto copied = copies_.Copy(Open(), "a.txt", To("a"));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kCorrupt);
  Write("a.txt", "longer\n");
  EXPECT_THAT(ArePresent(Open()).error().message(), HasSubstr("'a.txt' of run 01J00000000000000000000000 is not what it left"));
}

TEST_F(PipelineOutputs, FollowsNoLinkThatTookTheirPlace) {
  ASSERT_EQ(unlink((work_ + "a.txt").c_str()), 0);
  state_.Link(Name("a.txt"), "out/b.txt");  // of the same size
  EXPECT_EQ(ArePresent(Open()).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(copies_.Copy(Open(), "a.txt", To("a")));
  ASSERT_EQ(unlink((work_ + "a.txt").c_str()), 0);
  state_.Fifo(Name("a.txt"));
  EXPECT_FALSE(copies_.Copy(Open(), "a.txt", To("b")));
  EXPECT_THAT(ArePresent(Open()).error().message(), HasSubstr("is not what it left"));
}

}  // namespace
}  // namespace fumehood
