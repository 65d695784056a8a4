#include "src/engine/pipeline_named_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/record/test_dir.h"

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NamedFiles : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"count.sh", "samples.tsv", "in.txt", "out.txt", "a b.txt"}) dir_.Put(name, "x");
    dir_.Dir("data");
    dir_.Put("data/x.bed", "x");
    dir_.Fifo("pipe");
    dir_.Link("link.sh", "count.sh");
    dir_.Link("away", "/etc/hostname");
  }
  std::vector<std::string> Of(std::vector<std::string> command) {
    spec_.command = std::move(command);
    return FilesNamedBy(spec_, dir_.path());
  }
  TestDir dir_;
  AnalysisSpec spec_;
};

TEST_F(NamedFiles, AreWordsAndPartsOfOptions) {
  EXPECT_THAT(Of({"bash", "./count.sh", "--samples=samples.tsv", "data/x.bed,in.txt", "a b.txt"}),
              ElementsAre("a b.txt", "count.sh", "data/x.bed", "in.txt", "samples.tsv"));
  EXPECT_THAT(Of({"bash", dir_.At("count.sh"), "data/../count.sh", "../x", "/etc/hostname"}), ElementsAre("count.sh"));
}

TEST_F(NamedFiles, AreBetweenTheOperatorsOfAText) {
  spec_.command_is_script = true;
  EXPECT_THAT(Of({"cat <in.txt|bash count.sh \"samples.tsv\" >out2.txt; $(cat data/x.bed)"}),
              ElementsAre("count.sh", "data/x.bed", "in.txt", "samples.tsv"));
}

TEST_F(NamedFiles, AreNotWhatTheStepMakesOrIsShown) {
  spec_.outputs = {"./out.*"};
  spec_.inputs = {{"/elsewhere/in.txt", "in.txt"}, {dir_.At("data"), ""}};
  EXPECT_THAT(Of({"cat", "in.txt", "out.txt", "data/x.bed", "count.sh"}), ElementsAre("count.sh"));
}

TEST_F(NamedFiles, AreRegularFilesBeneathTheDirectory) {
  EXPECT_THAT(Of({"cat", "pipe", "data", "away", "nothing", ""}), IsEmpty());
  EXPECT_THAT(Of({"link.sh"}), ElementsAre("link.sh"));
}

}  // namespace
}  // namespace fumehood
