#include "src/record/verify.h"

#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "src/base/ulid.h"
#include "src/record/outputs.h"
#include "src/record/result_json.h"
#include "src/record/sha256.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

// A finished run, as the keeper leaves it.
class FinishedRun {
 public:
  FinishedRun() : run_(MakeRun(state.path(), NewRunId()).value()), at("runs/" + run_.id + "/") {
    const AttemptDir attempt = MakeAttempt(run_, 1).value();
    EventLog events = EventLog::Open(run_.fd.get()).value();
    EXPECT_TRUE(events.Append("started"));
    state.Put(at + "attempts/1/stdout.log", "hello\n");
    state.Put(at + "attempts/1/work/table.csv", "a,b\n");
    state.Put(at + "attempts/1/work/strange\n\xff", "x");
    const Fd work = OpenDir(attempt.fd.get(), layout::kWork).value();
    const std::string manifest = CollectOutputs(work.get(), {}, run_.fd.get(), Durability::kLater).value().manifest_sha256;
    const std::string result = PrintResult({}) + "\n";
    std::vector<RecordedFile> files = {{layout::kResult, static_cast<int64_t>(result.size()), Sha256Hex(result)}};
    for (const char* path : {"outputs.json", "attempts/1/stdout.log"}) {
      files.push_back(DigestRecordedFile(run_.fd.get(), path).value());
    }
    EXPECT_EQ(files[1].sha256, manifest);
    EXPECT_TRUE(AppendClosing(events, files));
    EXPECT_TRUE(PublishResult(run_.fd.get(), {}, Durability::kLater));
  }

  // The file of the first finding, and what it says.
  std::string Finding() const {
    const auto report = VerifyRun(run_);
    if (!report) return "error: " + report.error().message();
    return report->findings.empty() ? "" : report->findings.front().file + ": " + report->findings.front().problem;
  }
  void Change(const std::string& name, const std::string& text) const { state.Put(at + name, text); }

  TestDir state;

 private:
  RunDir run_;

 public:
  std::string at;
};

TEST(VerifyRun, FindsNothingInAFinishedRun) {
  const FinishedRun run;
  EXPECT_EQ(run.Finding(), "");
}

TEST(VerifyRun, AMissingLogIsAFindingLikeAnyOther) {
  const FinishedRun run;
  ASSERT_EQ(unlink((run.state.path() + "/" + run.at + "events.jsonl").c_str()), 0);
  EXPECT_EQ(run.Finding().find("events.jsonl: is missing"), 0U) << run.Finding();
}

TEST(VerifyRun, SoIsAMissingWorkDirectory) {
  const FinishedRun run;
  std::filesystem::remove_all(run.state.path() + "/" + run.at + "attempts/1/work");
  EXPECT_NE(run.Finding().find("work: is missing"), std::string::npos) << run.Finding();
}

TEST(VerifyRun, FindsAChangedByteInEveryFile) {
  for (const std::string name : {"result.json", "outputs.json", "events.jsonl", "attempts/1/stdout.log", "attempts/1/work/table.csv",
                                 "attempts/1/work/strange\n\xff"}) {
    const FinishedRun run;
    std::string text = run.state.Get(run.at + name);
    text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
    run.Change(name, text);
    EXPECT_NE(run.Finding().find("changed"), std::string::npos) << name << " " << run.Finding();
  }
}

TEST(VerifyRun, FindsAMissingOrLongerOrAddedOutput) {
  const FinishedRun run;
  run.Change("attempts/1/work/table.csv", "a,b\nc");
  EXPECT_EQ(run.Finding(), "work/table.csv: was changed: it has 5 bytes, and was recorded with 4");
  ASSERT_EQ(unlink(run.state.At(run.at + "attempts/1/work/table.csv").c_str()), 0);
  EXPECT_EQ(run.Finding(), "work/table.csv: is missing");
  run.Change("attempts/1/work/table.csv", "a,b\n");
  run.Change("attempts/1/work/extra", "");
  EXPECT_EQ(run.Finding(), "work/extra: was added: outputs.json does not have it");
}

TEST(VerifyRun, FollowsNoLinkThatStandsForAnOutput) {
  const FinishedRun run;
  run.Change("outside", "a,b\n");
  ASSERT_EQ(unlink(run.state.At(run.at + "attempts/1/work/table.csv").c_str()), 0);
  run.state.Link(run.at + "attempts/1/work/table.csv", "../../../outside");
  EXPECT_NE(run.Finding(), "");
}

TEST(VerifyRun, FindsAChainCutOffBeforeItsEnd) {
  const FinishedRun run;
  const std::string events = run.state.Get(run.at + "events.jsonl");
  run.Change("events.jsonl", events.substr(0, events.find('\n') + 1));
  EXPECT_EQ(run.Finding(), "result.json: is there, and the closing event that names it is missing from events.jsonl");
}

TEST(VerifyRun, AcceptsARunThatHasNotEnded) {
  const TestDir state;
  const RunDir run = MakeRun(state.path(), NewRunId()).value();
  {
    EventLog events = EventLog::Open(run.fd.get()).value();
    ASSERT_TRUE(events.Append("started"));
  }
  const VerifyReport report = VerifyRun(run).value();
  EXPECT_TRUE(report.findings.empty());
  EXPECT_FALSE(report.chain.closed);
}

}  // namespace
}  // namespace fumehood
