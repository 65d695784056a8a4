#include "src/record/outputs.h"

#include <gtest/gtest.h>

#include "src/record/read_result.h"
#include "src/record/sha256.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

struct Trees {
  TestDir upper;
  TestDir project;
  TestDir run;

  CollectedOutputs Collect(std::vector<std::string> globs = {}) const {
    OutputRules rules;
    rules.globs = std::move(globs);
    rules.project_dir = project.fd();
    return Collect(rules);
  }
  CollectedOutputs Collect(const OutputRules& rules) const {
    auto collected = CollectOutputs(upper.fd(), rules, run.fd(), Durability::kLater);
    EXPECT_TRUE(collected) << collected.error().message();
    return std::move(*collected);
  }
};

std::vector<std::string> Paths(const CollectedOutputs& outputs) {
  std::vector<std::string> paths;
  for (const OutputFile& file : outputs.files) paths.push_back(file.path);
  return paths;
}

TEST(CollectOutputs, TakesEveryRegularFileAndNamesTheRest) {
  const Trees trees;
  trees.upper.Dir("results");
  trees.upper.Put("results/table.csv", "a,b\n");
  trees.upper.Put("new\nline \xff", "x");
  trees.upper.Fifo("fifo");
  trees.upper.Link("link", "results/table.csv");
  trees.upper.Whiteout("deleted");
  const CollectedOutputs outputs = trees.Collect();
  EXPECT_EQ(Paths(outputs), (std::vector<std::string>{"new\nline \xff", "results/table.csv"}));
  EXPECT_EQ(outputs.files[1].sha256, Sha256Hex("a,b\n"));
  EXPECT_EQ(outputs.total_bytes, 5);
  EXPECT_EQ(outputs.skipped_count, 2);
  const CollectedOutputs read = ReadOutputs(trees.run.fd()).value();
  EXPECT_EQ(Paths(read), Paths(outputs));
  EXPECT_EQ(read.manifest_sha256, outputs.manifest_sha256);
  EXPECT_EQ(read.skipped.size(), 2U);
}

TEST(CollectOutputs, ReportsAGlobThatMatchedNothing) {
  const Trees trees;
  trees.upper.Dir("results");
  trees.upper.Put("results/table.csv", "1");
  trees.upper.Put("log.txt", "1");
  const CollectedOutputs outputs = trees.Collect({"results", "*.png", "**/*.csv", "figure.png"});
  EXPECT_EQ(Paths(outputs), std::vector<std::string>{"results/table.csv"});
  EXPECT_EQ(outputs.missing, (std::vector<std::string>{"*.png", "figure.png"}));
  EXPECT_EQ(ReadOutputs(trees.run.fd()).value().missing, outputs.missing);
}

TEST(CollectOutputs, CountsANamedOutputThatTheRunLeftAsItWasAsThere) {
  const Trees trees;
  trees.project.Put("kept.csv", "1");
  trees.project.Put("deleted.csv", "1");
  trees.project.Dir("d");
  trees.project.Put("d/hidden.csv", "1");
  trees.upper.Whiteout("deleted.csv");
  trees.upper.Put("d", "a file now");
  const CollectedOutputs outputs = trees.Collect({"kept.csv", "deleted.csv", "d/hidden.csv"});
  EXPECT_EQ(outputs.missing, (std::vector<std::string>{"deleted.csv", "d/hidden.csv"}));
}

TEST(CollectOutputs, TakesALinkForThereOnlyWhenItLeadsToAFileOfTheRun) {
  const Trees trees;
  trees.upper.Put("real.csv", "1");
  trees.upper.Link("good.csv", "real.csv");
  trees.upper.Link("bad.csv", "/etc/passwd");
  trees.upper.Link("dangling.csv", "nothing");
  const CollectedOutputs outputs = trees.Collect({"good.csv", "bad.csv", "dangling.csv"});
  EXPECT_EQ(outputs.missing, (std::vector<std::string>{"bad.csv", "dangling.csv"}));
  EXPECT_TRUE(outputs.files.empty());
}

TEST(CollectOutputs, ListsWhatItMayNotReadWithoutADigest) {
  const Trees trees;
  trees.upper.Put("small", "1");
  const Fd huge = OpenAt(trees.upper.fd(), "huge", O_WRONLY | O_CREAT, 0600).value();
  ASSERT_EQ(ftruncate(huge.get(), off_t{1} << 42), 0);
  OutputRules rules;
  rules.hash_limit_bytes = 1 << 20;
  const CollectedOutputs outputs = trees.Collect(rules);
  ASSERT_EQ(outputs.file_count, 2);
  EXPECT_EQ(outputs.files[0].sha256, "");
  EXPECT_EQ(outputs.files[0].size_bytes, int64_t{1} << 42);
  EXPECT_EQ(outputs.files[1].sha256, Sha256Hex("1"));
  EXPECT_EQ(outputs.skipped_count, 1);
  EXPECT_EQ(ReadOutputs(trees.run.fd()).value().files[0].sha256, "");
}

TEST(CollectOutputs, ReadsAFileWithManyNamesOnce) {
  const Trees trees;
  trees.upper.Put("a", std::string(1000, 'x'));
  for (const char* name : {"b", "c", "d"}) ASSERT_EQ(linkat(trees.upper.fd(), "a", trees.upper.fd(), name, 0), 0);
  OutputRules rules;
  rules.hash_limit_bytes = 1000;
  const CollectedOutputs outputs = trees.Collect(rules);
  EXPECT_EQ(outputs.file_count, 4);
  EXPECT_EQ(outputs.skipped_count, 0);
}

TEST(CollectOutputs, KeepsTheFirstFewInMemoryAndAllInTheManifest) {
  const Trees trees;
  for (int i = 0; i < 500; ++i) trees.upper.Put("f" + std::to_string(1000 + i), "1");
  OutputRules rules;
  rules.keep_files = 10;
  const CollectedOutputs outputs = trees.Collect(rules);
  EXPECT_EQ(outputs.files.size(), 10U);
  EXPECT_EQ(outputs.file_count, 500);
  EXPECT_EQ(ReadOutputs(trees.run.fd()).value().files.size(), 500U);
}

}  // namespace
}  // namespace fumehood
