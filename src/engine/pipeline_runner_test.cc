#include "src/engine/pipeline_runner.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/engine/pipeline_parse.h"
#include "src/record/list_runs.h"
#include "src/record/outputs.h"
#include "src/record/read_result.h"
#include "src/record/test_dir.h"
#include "src/runtime/catalog.h"
#include "src/runtime/system_lock.h"
#include "src/spec/print.h"
#include "src/spec/test_spec.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Leaves run directories as a run does, at once: of each word NAME=TEXT a file; the word `fail` ends it badly, and `hold` leaves it going on
// until it is waited for.
class FakeExecutor : public Executor {
 public:
  explicit FakeExecutor(std::string state_dir) : state_dir_(std::move(state_dir)) {}

  Result<RunId> run_analysis(const AnalysisSpec& spec) override {
    const std::scoped_lock lock(mutex_);
    Moment();  // meant, and not submitted
    const RunId id = NewRunId();
    const auto has = [&](const char* word) { return std::find(spec.command.begin(), spec.command.end(), word) != spec.command.end(); };
    if (has("refuse")) return Error(ErrorCode::kUnavailable, "no room");
    FH_ASSIGN_OR_RETURN(const RunDir run, MakeRun(state_dir_, id));
    FH_ASSIGN_OR_RETURN(const AttemptDir attempt, MakeAttempt(run, 1));
    FH_TRY(WriteFileAtomically(run.fd.get(), layout::kSpec, PrintSpec(spec, Format::kJson), 0600, Durability::kLater));
    FH_ASSIGN_OR_RETURN(const Fd work, OpenDir(attempt.fd.get(), layout::kWork));
    for (const std::string& word : spec.command) {
      const size_t equals = word.find('=');
      if (equals != std::string::npos)
        FH_TRY(WriteFileAtomically(work.get(), word.substr(0, equals), word.substr(equals + 1), 0644, Durability::kLater));
    }
    FH_TRY(AsVoid(CollectOutputs(work.get(), {}, run.fd.get(), Durability::kLater)));
    submitted.push_back(spec.labels.at("step"));
    names[id] = spec.labels.at("step");
    for (const InputSpec& input : spec.inputs) given[spec.labels.at("step")] += ReadFile(kHere, input.path).value();
    most_at_once = std::max(most_at_once, ++active_);
    if (!has("hold")) FH_TRY(Publish(run, has("fail") ? RunStatus::kFailed : RunStatus::kCompleted));
    Moment();  // submitted, and nobody knows as what
    return id;
  }
  Result<RunResult> check_status(const RunId& id) override {
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(state_dir_, id));
    auto result = ReadResult(run.fd.get());
    if (result) return result;
    RunResult going;
    going.run_id = id;
    going.status = RunStatus::kRunning;
    return going;
  }
  Result<bool> kill(const RunId& id) override {
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(state_dir_, id));
    FH_TRY(Publish(run, RunStatus::kKilled));
    return true;
  }
  Result<LogChunk> get_logs(const RunId&, const LogQuery&) override { return LogChunk(); }

  Result<RunResult> Wait(const RunId& id, int stop_fd) {
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(state_dir_, id));
    struct pollfd stop = {stop_fd, POLLIN, 0};
    if (before_end) before_end();
    Moment();  // written down, and not ended
    if (poll(&stop, 1, 0) > 0) return check_status(id);
    FH_ASSIGN_OR_RETURN(const RunResult seen, check_status(id));
    if (!IsFinal(seen.status)) FH_TRY(Publish(run, RunStatus::kCompleted));
    const std::scoped_lock lock(mutex_);
    --active_;
    Moment();  // ended, and not written down
    return check_status(id);
  }

  std::vector<std::string> submitted;       // steps, in order
  std::map<RunId, std::string> names;
  std::map<std::string, std::string> given;  // by step, what its inputs hold
  int most_at_once = 0;
  int dies_at = -1;  // the moment, counted from 0, at which this process dies; -1: it lives
  std::function<void()> before_end;

 private:
  template <typename T>
  static Result<void> AsVoid(Result<T> result) {
    return result ? Result<void>() : Result<void>(std::move(result).error());
  }
  static Result<void> Publish(const RunDir& run, RunStatus status) {
    RunResult result;
    result.run_id = run.id;
    result.status = status;
    result.completion_notes = status == RunStatus::kFailed ? "it failed." : "";
    return PublishResult(run.fd.get(), result, Durability::kLater);
  }

  void Moment() {
    if (moments_++ == dies_at) _exit(9);
  }

  std::string state_dir_;
  std::atomic<int> moments_ = 0;
  std::mutex mutex_;
  int active_ = 0;
};

class PipelineRunner : public testing::Test {
 protected:
  PipelineRunner() : config_(TestConfig()), executor_(state_.path()) {
    config_.state_dir = state_.path();
    // As if it had been checked just now: else the distribution's packages would be asked for, each time anew.
    RuntimeHealth health;
    health.state = HealthState::kHealthy;
    health.identity = "0123";
    health.fingerprint = SystemFingerprint("/usr/bin/python3");
    EXPECT_TRUE(Catalog(state_.path()).SetHealth("python3", health));
    place_ = {.id = "p-1", .path = state_.At("pipelines/p-1"), .file = base_.At("p.yaml"), .base = base_.path()};
  }

  void Use(const std::string& text) {
    plan_ = ParsePipeline(text, Format::kYaml, "p.yaml", config_, [](const std::string&) { return std::vector<std::string>(); }).value();
  }
  PipelineMeans Means() {
    return {.plan = plan_, .place = place_, .config = config_, .executor = executor_,
            .wait = [this](const RunId& id, int stop_fd) { return executor_.Wait(id, stop_fd); },
            .find = [this](const std::string& intent) { return WalkForRunOfIntent(config_.state_dir, intent); }, .signals = signals_, .tell = tell_};
  }
  PipelineOutcome Run(PipelineOptions options = {.jobs = 1}) {
    executor_.submitted.clear();
    const Fd held = HoldPipeline(config_.state_dir, place_).value();
    auto outcome = RunPipeline(Means(), options);
    EXPECT_TRUE(outcome) << outcome.error().message();
    return outcome ? std::move(outcome).value() : PipelineOutcome();
  }
  static std::vector<std::string> States(const PipelineOutcome& outcome) {
    std::vector<std::string> states;
    for (const StepOutcome& step : outcome.steps) states.emplace_back(Name(step.state));
    return states;
  }
  // Takes the lines of the journal away that hold `part`.
  void Forget(const std::string& part) {
    std::string kept;
    for (const std::string& line : Split(state_.Get("pipelines/p-1/journal.jsonl"), '\n')) {
      if (!line.empty() && line.find(part) == std::string::npos) kept += line + "\n";
    }
    state_.Put("pipelines/p-1/journal.jsonl", kept);
  }

  TestDir state_, base_;
  Config config_;
  PipelinePlace place_;
  FakeExecutor executor_;
  PipelinePlan plan_;
  const Fd* signals_ = nullptr;
  std::function<void(const PipelineOutcome&, const size_t*)> tell_;
};

constexpr const char* kDiamond = R"(steps:
  d: {command: [x, d=4], inputs: [{from: b, path: b}, {from: c, path: c}]}
  b: {command: [x, b=2], inputs: [{from: a, path: a}]}
  c: {command: [x, c=3], inputs: [{from: a, path: a}]}
  a: {command: [x, a=1]}
)";

TEST_F(PipelineRunner, RunsEachStepAfterThoseItNeedsAndGivesItTheirOutputs) {
  Use(kDiamond);
  EXPECT_THAT(States(Run()), ElementsAre("completed", "completed", "completed", "completed"));
  EXPECT_THAT(executor_.submitted, ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(executor_.given["d"], "23");
  EXPECT_FALSE(state_.Has("pipelines/p-1/given"));
  EXPECT_THAT(States(Run()), ElementsAre("up_to_date", "up_to_date", "up_to_date", "up_to_date"));
  EXPECT_THAT(executor_.submitted, IsEmpty());
}

TEST_F(PipelineRunner, RunsWhatDependsOnAChangeAndNothingElse) {
  Use(kDiamond);
  Run();
  std::string text = kDiamond;
  text.replace(text.find("b=2"), 3, "b=9");
  Use(text);
  const PipelineOutcome outcome = Run();
  EXPECT_THAT(States(outcome), ElementsAre("completed", "completed", "up_to_date", "up_to_date"));
  EXPECT_EQ(outcome.steps[1].why, "command changed: x b=2 became x b=9");
  EXPECT_THAT(outcome.steps[0].why, HasSubstr("input 'b' changed since run "));
  // Taken back.
  Use(kDiamond);
  EXPECT_THAT(States(Run()), ElementsAre("up_to_date", "up_to_date", "up_to_date", "up_to_date"));
}

TEST_F(PipelineRunner, FindsRunsAgainThatTheJournalHasOnlyTheIntentOf) {
  Use(kDiamond);
  Run();
  Forget(R"("type":"run")");
  Forget(R"("type":"ended")");
  EXPECT_THAT(States(Run()), ElementsAre("up_to_date", "up_to_date", "up_to_date", "up_to_date"));
  EXPECT_THAT(executor_.submitted, IsEmpty());
  // Now it knows them, without a walk.
  EXPECT_THAT(ReadJournal(place_.path).value().at("a")[0].run, testing::SizeIs(26));
}

TEST_F(PipelineRunner, RunsAnewWhatWasMeantAndNeverSubmitted) {
  Use("steps: {a: {command: [x, refuse]}}");
  EXPECT_THAT(States(Run()), ElementsAre("failed"));
  Forget(R"("type":"refused")");
  Use("steps: {a: {command: [x, a=1]}}");
  EXPECT_THAT(States(Run()), ElementsAre("completed"));
}

TEST_F(PipelineRunner, JoinsARunThatIsUnderWay) {
  Use("steps: {a: {command: [x, hold, a=1]}}");
  const RunId run = Run().steps[0].run;
  ASSERT_EQ(unlink(state_.At("runs/" + run + "/result.json").c_str()), 0);
  Forget(R"("type":"ended")");
  const PipelineOutcome outcome = Run();
  EXPECT_THAT(States(outcome), ElementsAre("completed"));
  EXPECT_TRUE(outcome.steps[0].joined);
  EXPECT_EQ(outcome.steps[0].run, run);
  EXPECT_THAT(executor_.submitted, IsEmpty());
}

TEST_F(PipelineRunner, StartsNoMoreAtOnceThanItMay) {
  std::string text = "steps:\n";
  for (int i = 0; i < 12; ++i) text += "  s" + std::to_string(i) + ": {command: [x, hold]}\n";
  Use(text);
  EXPECT_TRUE(Run({.jobs = 3}).AllDone());
  EXPECT_LE(executor_.most_at_once, 3);
  EXPECT_EQ(executor_.submitted.size(), 12U);
}

// At each moment of the whole a process dies as by kill -9, and another goes on: no step ever has a second run.
TEST_F(PipelineRunner, SurvivesItsDeathAtAnyMoment) {
  Use(R"(steps:
  d: {command: [x, d=4], inputs: [{from: b, path: b}, {from: c, path: c}]}
  b: {command: [x, hold, b=2], inputs: [{from: a, path: a}]}
  c: {command: [x, c=3], inputs: [{from: a, path: a}]}
  a: {command: [x, hold, a=1]}
)");
  int deaths = 0;
  for (int moment = 0;; ++moment, ++deaths) {
    const TestDir fresh;
    config_.state_dir = fresh.path();
    place_.path = fresh.At("pipelines/p-1");
    ASSERT_TRUE(Catalog(fresh.path()).SetHealth("python3", Catalog(state_.path()).HealthOf("python3").value()));
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FakeExecutor mortal(fresh.path());
      mortal.dies_at = moment;
      const Fd held = HoldPipeline(config_.state_dir, place_).value();
      PipelineMeans means{.plan = plan_, .place = place_, .config = config_, .executor = mortal,
                          .wait = [&](const RunId& id, int stop_fd) { return mortal.Wait(id, stop_fd); },
                          .find = [&](const std::string& intent) { return WalkForRunOfIntent(config_.state_dir, intent); }, .tell = {}};
      (void)RunPipeline(means, {.jobs = 1});
      _exit(0);
    }
    const int code = ReapCode(child);
    FakeExecutor next(fresh.path());
    const Fd held = HoldPipeline(config_.state_dir, place_).value();
    PipelineMeans means{.plan = plan_, .place = place_, .config = config_, .executor = next,
                        .wait = [&](const RunId& id, int stop_fd) { return next.Wait(id, stop_fd); },
                        .find = [&](const std::string& intent) { return WalkForRunOfIntent(config_.state_dir, intent); }, .tell = {}};
    const PipelineOutcome outcome = RunPipeline(means, {.jobs = 1}).value();
    EXPECT_TRUE(outcome.AllDone()) << moment;
    std::map<std::string, int> runs;
    const auto ids = ListRuns(fresh.path()).value();
    for (const RunId& id : ids) {
      const std::string text = ReadFile(kHere, fresh.At("runs/" + id + "/spec.json")).value();
      ++runs[ParseSpec(text, Format::kJson, "").value().labels.at("step")];
    }
    EXPECT_THAT(runs, testing::ElementsAre(testing::Pair("a", 1), testing::Pair("b", 1), testing::Pair("c", 1), testing::Pair("d", 1))) << moment;
    if (code == 0) break;
    ASSERT_EQ(code, 9);
  }
  EXPECT_EQ(deaths, 16);  // four moments of four steps
}

constexpr const char* kFailing = R"(steps:
  bad: {command: [x, fail]}
  behind: {needs: [bad], command: [x]}
  far: {needs: [behind], command: [x]}
  other: {command: [x]}
)";

TEST_F(PipelineRunner, StartsNothingMoreAfterAFailure) {
  Use(kFailing);
  const PipelineOutcome outcome = Run();
  EXPECT_THAT(States(outcome), ElementsAre("failed", "needs_failed", "needs_failed", "waiting"));
  EXPECT_EQ(outcome.steps[0].notes, "it failed.");
  EXPECT_EQ(outcome.steps[2].notes, "not started: it needs bad, which failed");
}

TEST_F(PipelineRunner, KeepsGoingWhereItIsTold) {
  Use(kFailing);
  EXPECT_THAT(States(Run({.jobs = 1, .keep_going = true})), ElementsAre("failed", "needs_failed", "needs_failed", "completed"));
  // What failed is tried again.
  Run();
  EXPECT_THAT(executor_.submitted, ElementsAre("bad"));
}

TEST_F(PipelineRunner, RunsAgainWhatItIsAskedTo) {
  Use(kDiamond);
  Run();
  const PipelineOutcome outcome = Run({.jobs = 1, .rerun = {"a"}});
  // Its output is the same, so nothing behind it is run.
  EXPECT_THAT(States(outcome), ElementsAre("up_to_date", "up_to_date", "up_to_date", "completed"));
  EXPECT_EQ(outcome.steps[3].why, "asked for by --rerun");
}

TEST_F(PipelineRunner, RunsAgainWhatChangedWhileItRan) {
  base_.Put("a.sh", "old");
  Use("steps: {a: {command: [bash, a.sh, hold]}}");
  executor_.before_end = [this] { base_.Put("a.sh", "newer"); };
  const PipelineOutcome outcome = Run();
  EXPECT_THAT(outcome.steps[0].notes, HasSubstr("changed while it ran"));
  executor_.before_end = nullptr;
  base_.Put("a.sh", "old");
  const PipelineOutcome again = Run();
  EXPECT_THAT(States(again), ElementsAre("completed"));
  EXPECT_THAT(again.steps[0].why, HasSubstr("changed while run "));
}

TEST_F(PipelineRunner, TellsHowEachStepStandsWithoutRunningAny) {
  Use(kDiamond);
  auto standings = StandingOf(Means(), false).value();
  EXPECT_EQ(standings[3].judgement.why, "never run");
  EXPECT_TRUE(standings[1].waits);
  EXPECT_EQ(standings[1].judgement.why, "needs a, which is to be run");
  EXPECT_FALSE(state_.Has("pipelines"));
  Run();
  standings = StandingOf(Means(), false).value();
  EXPECT_EQ(standings[0].judgement.verdict, StepVerdict::kUpToDate);
  EXPECT_EQ(standings[0].judgement.why, "unchanged since run " + standings[0].judgement.run);
}

TEST_F(PipelineRunner, IsHeldByOneProgram) {
  const Fd held = HoldPipeline(config_.state_dir, place_).value();
  const auto second = HoldPipeline(config_.state_dir, place_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message(), HasSubstr("is being run by another program (process " + std::to_string(getpid()) + ")"));
}

}  // namespace
}  // namespace fumehood
