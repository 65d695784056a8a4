#include "src/engine/pipeline_runner.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/engine/pipeline_outputs.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"
#include "src/sys/process.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

constexpr const char* kGiven = "given";
constexpr const char* kCopies = "copies";  // in it: what the directories of the steps have links to
constexpr int kTellEveryMs = 500;

// The directory of the copies for a step with this key. Two steps may do the same, each with copies of its own.
std::string GivenName(const std::string& step, const std::string& key) {
  constexpr size_t kDigits = 24;
  return Sha256Hex(step + "\n" + key).substr(0, kDigits);
}

std::string InOneLine(const Error& error) {
  std::string text = error.message();
  for (const Problem& problem : error.problems()) text += fmt::format("; {}{}{}", problem.field, problem.field.empty() ? "" : ": ", problem.message);
  return text;
}

// What a task tells of its step.
struct News {
  size_t step = 0;
  StepOutcome outcome;
  bool finished = false;       // the task is over
  std::optional<Error> fatal;  // the journal could not be written
};

// From the tasks to the thread that decides, which polls `fd`.
class NewsQueue {
 public:
  Result<void> Open() {
    FH_ASSIGN_OR_RETURN(pipe_, MakePipe());
    return {};
  }
  int fd() const { return pipe_.read.get(); }

  void Put(News news) {
    const std::scoped_lock lock(mutex_);
    news_.push_back(std::move(news));
    // One byte for however many wait: the pipe never fills.
    if (news_.size() == 1) (void)!write(pipe_.write.get(), "n", 1);
  }
  std::deque<News> TakeAll() {
    const std::scoped_lock lock(mutex_);
    char byte = 0;
    if (!news_.empty()) (void)!read(pipe_.read.get(), &byte, 1);
    return std::exchange(news_, {});
  }

 private:
  PipePair pipe_;
  std::mutex mutex_;
  std::deque<News> news_;
};

// From the thread that decides to the tasks.
class TaskQueue {
 public:
  void Put(size_t step) {
    const std::scoped_lock lock(mutex_);
    steps_.push_back(step);
    changed_.notify_one();
  }
  void Close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  std::optional<size_t> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !steps_.empty(); });
    if (steps_.empty()) return std::nullopt;
    const size_t step = steps_.front();
    steps_.pop_front();
    return step;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<size_t> steps_;
  bool closed_ = false;
};

class Runner {
 public:
  Runner(const PipelineMeans& means, const PipelineOptions& options, PipelineJournal journal)
      : means_(means), options_(options), journal_(std::move(journal)),
        judge_(means.plan, means.place, means.config, means.executor, means.find, {.verify = options.verify}),
        copies_(fmt::format("{}/{}/{}", means.place.path, kGiven, kCopies)), needed_by_(NeededBy(means.plan)) {}

  Result<PipelineOutcome> Run() {
    FH_TRY(news_.Open());
    FH_ASSIGN_OR_RETURN(stop_, MakePipe());
    FH_TRY(ClearGiven());
    const size_t count = means_.plan.steps.size();
    outcome_.steps.resize(count);
    waits_for_.resize(count);
    place_in_order_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      waits_for_[i] = means_.plan.steps[i].needs.size();
      place_in_order_[means_.plan.order[i]] = i;
      still_need_it_.push_back(needed_by_[i].size());
      if (waits_for_[means_.plan.order[i]] == 0) ready_.insert(i);
    }
    std::vector<std::thread> threads;
    for (size_t i = 0; i < std::min(options_.jobs, count); ++i) threads.emplace_back([this] { Work(); });
    Decide();
    tasks_.Close();
    for (std::thread& thread : threads) thread.join();
    if (fatal_) return std::move(*fatal_);
    if (outcome_.AllDone()) (void)RemoveGiven();  // the next run begins with that as well
    return std::move(outcome_);
  }

 private:
  // ---- the thread that decides

  bool Stopping() const { return outcome_.signal != 0 || fatal_ || (failed_ && !options_.keep_going); }

  void Decide() {
    for (;;) {
      while (!Stopping() && running_ < options_.jobs && !ready_.empty()) {
        tasks_.Put(means_.plan.order[*ready_.begin()]);
        ready_.erase(ready_.begin());
        ++running_;
      }
      if (running_ == 0) return;
      struct pollfd waits[2] = {{news_.fd(), POLLIN, 0}, {means_.signals != nullptr ? means_.signals->get() : -1, POLLIN, 0}};
      const int got = poll(waits, 2, means_.tell ? kTellEveryMs : -1);
      if (got == 0 && means_.tell) means_.tell(outcome_, nullptr);
      if (got > 0 && waits[1].revents != 0) OnSignal();
      for (News& news : news_.TakeAll()) Take(std::move(news));
    }
  }

  void OnSignal() {
    const auto caught = ReadSignal(*means_.signals);
    if (!caught) return;
    const bool again = outcome_.signal != 0;
    outcome_.signal = caught->number;
    if (options_.kill || again) end_runs_ = true;
    // The pipe's other end gone is what the tasks see.
    if (options_.kill || again || caught->number != SIGINT) stop_.write.Reset();
    if (means_.tell) means_.tell(outcome_, nullptr);
  }

  void Take(News news) {
    if (news.fatal && !fatal_) fatal_ = std::move(news.fatal);
    outcome_.steps[news.step] = std::move(news.outcome);
    if (means_.tell) means_.tell(outcome_, &news.step);
    if (!news.finished) return;
    --running_;
    const StepState state = outcome_.steps[news.step].state;
    for (const size_t need : means_.plan.steps[news.step].needs) {
      if (--still_need_it_[need] == 0) copies_.Forget(outcome_.steps[need].run);
    }
    if (IsDone(state)) {
      for (const size_t next : needed_by_[news.step]) {
        if (--waits_for_[next] == 0) ready_.insert(place_in_order_[next]);
      }
    } else if (state == StepState::kFailed) {
      failed_ = true;
      PassOver(news.step);
    }
  }

  // All that need it, however far behind it.
  void PassOver(size_t failed) {
    std::vector<size_t> behind = {failed};
    while (!behind.empty()) {
      const size_t step = behind.back();
      behind.pop_back();
      for (const size_t next : needed_by_[step]) {
        if (outcome_.steps[next].state != StepState::kWaiting) continue;
        outcome_.steps[next].state = StepState::kNeedsFailed;
        outcome_.steps[next].notes = fmt::format("not started: it needs {}, which failed", means_.plan.steps[failed].id);
        behind.push_back(next);
        if (means_.tell) means_.tell(outcome_, &next);
      }
    }
  }

  // Copies of runs that may still go on stay; all others were left by a program that died.
  Result<void> ClearGiven() {
    std::set<std::string> in_use;
    for (const auto& [step, entries] : journal_.entries()) {
      for (const JournalEntry& entry : entries) {
        if (entry.status.empty() && entry.refused.empty()) in_use.insert(GivenName(step, entry.key));
      }
    }
    const auto given = OpenDir(kHere, means_.place.path + "/" + kGiven);
    if (!given) return given.error().code() == ErrorCode::kNotFound ? Result<void>() : Result<void>(given.error());
    FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> names, ListDir(given->get()));
    for (const DirEntry& entry : names) {
      if (!in_use.contains(entry.name)) FH_TRY(Removed(RemoveTree(given->get(), entry.name)));
    }
    return {};
  }

  Result<void> RemoveGiven() {
    FH_ASSIGN_OR_RETURN(const Fd top, OpenDir(kHere, means_.place.path));
    return Removed(RemoveTree(top.get(), kGiven));
  }

  static Result<void> Removed(Result<RemovedCounts> removed) {
    const bool gone = removed || removed.error().code() == ErrorCode::kNotFound;
    return gone ? Result<void>() : Result<void>(std::move(removed).error());
  }

  // ---- the tasks

  void Work() {
    while (const auto step = tasks_.Take()) {
      News news{.step = *step};
      const auto began = std::chrono::steady_clock::now();
      Result<void> written = Do(*step, news.outcome);
      if (!written) {
        news.fatal = std::move(written).error().Within("the pipeline's journal");
        news.outcome.state = StepState::kFailed;
        news.outcome.notes = news.fatal->message();
      }
      news.outcome.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      news.finished = true;
      news_.Put(std::move(news));
    }
  }

  RunOfStep RunOf() const {
    // Steps that another needs have ended, and nobody changes what is known of them.
    return [this](size_t step) { return outcome_.steps[step].run; };
  }

  // An error: the journal could not be written.
  Result<void> Do(size_t step, StepOutcome& outcome) {
    const auto entries = journal_.entries().find(means_.plan.steps[step].id);
    auto judged = judge_.Judge(step, entries == journal_.entries().end() ? std::vector<JournalEntry>() : entries->second, RunOf());
    if (!judged) {
      Fail(outcome, InOneLine(judged.error()));
      return {};
    }
    Judgement& judgement = *judged;
    // We hold the pipeline, so whoever meant it is dead: it need not be looked for again.
    for (const std::string& intent : judgement.never_submitted) FH_TRY(journal_.Refused(intent, "the program died before it was submitted"));
    const bool asked_for = options_.rerun.contains(means_.plan.steps[step].group) || options_.rerun.contains(means_.plan.steps[step].id);
    if (asked_for && judgement.verdict == StepVerdict::kUpToDate) {
      judgement.verdict = StepVerdict::kToRun;
      judgement.why = "asked for by --rerun";
    }
    outcome.why = judgement.why;
    if (judgement.verdict == StepVerdict::kToRun) return Start(step, judgement, outcome);
    outcome.run = judgement.run;
    if (judgement.found) FH_TRY(journal_.Submitted(judgement.entry.intent, judgement.run));
    if (judgement.verdict == StepVerdict::kUpToDate) {
      if (judgement.entry.status.empty()) FH_TRY(journal_.Ended(judgement.entry.intent, Name(RunStatus::kCompleted), true));
      outcome.state = StepState::kUpToDate;
      return {};
    }
    outcome.joined = true;
    return Await(step, judgement.entry, outcome);
  }

  Result<void> Start(size_t step, const Judgement& judgement, StepOutcome& outcome) {
    AnalysisSpec spec = means_.plan.steps[step].spec;
    const std::string given = GivenDir(step, judgement.key);
    const Result<void> staged = GiveInputs(step, given, spec);
    if (!staged) {
      DropGiven(given);
      Fail(outcome, InOneLine(staged.error()));
      return {};
    }
    JournalEntry entry{
        .step = means_.plan.steps[step].id, .key = judgement.key, .intent = NewRunId(), .at = Rfc3339(Now()), .members = judgement.members};
    spec.labels["pipeline"] = means_.place.id;
    spec.labels["step"] = entry.step;
    spec.labels["key"] = entry.key;
    spec.labels["intent"] = entry.intent;
    FH_TRY(journal_.Intend(entry));
    auto run = means_.executor.run_analysis(spec);
    if (!run) {
      DropGiven(given);
      const std::string why = InOneLine(run.error());
      Fail(outcome, why);
      return journal_.Refused(entry.intent, why);
    }
    entry.run = *run;
    FH_TRY(journal_.Submitted(entry.intent, entry.run));
    outcome.run = entry.run;
    return Await(step, entry, outcome);
  }

  std::string GivenDir(size_t step, const std::string& key) const {
    return fmt::format("{}/{}/{}", means_.place.path, kGiven, GivenName(means_.plan.steps[step].id, key));
  }

  void DropGiven(const std::string& given) {
    const auto top = OpenDir(kHere, means_.place.path + "/" + kGiven);
    if (top) (void)RemoveTree(top->get(), given.substr(given.rfind('/') + 1));  // else the next run begins with it
  }

  Result<void> GiveInputs(size_t step, const std::string& given, AnalysisSpec& spec) {
    const PipelineStep& wanted = means_.plan.steps[step];
    if (wanted.from.empty()) return {};
    DropGiven(given);  // half of it, of a program that died
    for (const StepInput& input : wanted.from) {
      const std::string directory = fmt::format("{}/{}", given, input.input);
      FH_TRY(MakeDirs(directory, 0755));
      FH_ASSIGN_OR_RETURN(const RunOutputs outputs, OpenOutputs(means_.config.state_dir, outcome_.steps[input.step].run));
      const std::string name = input.path == "." ? "all" : input.path.substr(input.path.rfind('/') + 1);
      Result<void> copied = copies_.Copy(outputs, input.path, directory + "/" + name);
      if (!copied) return std::move(copied).error().Within("take " + Quoted(input.path) + " from " + means_.plan.steps[input.step].id);
      spec.inputs[input.input].path = directory + "/" + name;
    }
    return {};
  }

  Result<void> Await(size_t step, const JournalEntry& entry, StepOutcome& outcome) {
    outcome.state = StepState::kRunning;
    news_.Put({.step = step, .outcome = outcome});
    auto result = means_.wait(entry.run, stop_.read.get());
    if (result && !IsFinal(result->status) && end_runs_) {
      const auto killed = means_.executor.kill(entry.run);
      result = killed ? means_.executor.check_status(entry.run) : Result<RunResult>(killed.error());
    }
    if (!result) {
      Fail(outcome, InOneLine(result.error()));
      return {};
    }
    if (!IsFinal(result->status)) {
      outcome.state = StepState::kLeft;
      return {};
    }
    DropGiven(GivenDir(step, entry.key));
    bool steady = true;
    if (result->status == RunStatus::kCompleted) {
      const auto now = judge_.MembersOf(step, RunOf());
      steady = now && KeyOf(*now) == entry.key;
      outcome.state = StepState::kCompleted;
      if (!steady) outcome.notes = "what it was given changed while it ran; the next run of the pipeline repeats it";
    } else {
      Fail(outcome, result->completion_notes.empty() ? Name(result->status) : result->completion_notes);
    }
    return journal_.Ended(entry.intent, Name(result->status), steady);
  }

  static void Fail(StepOutcome& outcome, std::string notes) {
    outcome.state = StepState::kFailed;
    outcome.notes = std::move(notes);
  }

  const PipelineMeans& means_;
  const PipelineOptions& options_;
  PipelineJournal journal_;
  PipelineJudge judge_;
  OutputCopies copies_;
  std::vector<std::vector<size_t>> needed_by_;

  PipelineOutcome outcome_;
  std::vector<size_t> waits_for_;       // so many of the needs are not done
  std::vector<size_t> place_in_order_;
  std::vector<size_t> still_need_it_;   // so many of those that need it have not ended
  std::set<size_t> ready_;              // places in the order
  size_t running_ = 0;
  bool failed_ = false;
  std::optional<Error> fatal_;

  NewsQueue news_;
  TaskQueue tasks_;
  PipePair stop_;                       // its write end is closed when nobody is to wait any more
  std::atomic<bool> end_runs_ = false;
};

}  // namespace

const char* Name(StepState state) {
  constexpr const char* kNames[] = {"waiting", "running", "up_to_date", "completed", "failed", "needs_failed", "left"};
  return kNames[static_cast<size_t>(state)];
}

bool IsDone(StepState state) { return state == StepState::kUpToDate || state == StepState::kCompleted; }

size_t PipelineOutcome::Count(StepState state) const {
  return static_cast<size_t>(std::count_if(steps.begin(), steps.end(), [&](const StepOutcome& step) { return step.state == state; }));
}

bool PipelineOutcome::AllDone() const {
  return std::all_of(steps.begin(), steps.end(), [](const StepOutcome& step) { return IsDone(step.state); });
}

Result<PipelineOutcome> RunPipeline(const PipelineMeans& means, const PipelineOptions& options) {
  FH_ASSIGN_OR_RETURN(PipelineJournal journal, PipelineJournal::Open(means.place.path));
  return Runner(means, options, std::move(journal)).Run();
}

Result<std::vector<StepStanding>> StandingOf(const PipelineMeans& means, bool verify) {
  FH_ASSIGN_OR_RETURN(const JournalEntries journal, ReadJournal(means.place.path));
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, means.place.path, false));
  PipelineJudge judge(means.plan, means.place, means.config, means.executor, means.find, {.verify = verify, .remember = there.has_value()});
  std::vector<StepStanding> standings(means.plan.steps.size());
  const RunOfStep run_of = [&](size_t step) { return standings[step].judgement.run; };
  for (const size_t index : means.plan.order) {
    const PipelineStep& step = means.plan.steps[index];
    StepStanding& standing = standings[index];
    const auto entries = journal.find(step.id);
    if (entries != journal.end()) standing.last_run = entries->second.back().run;
    const auto first =
        std::find_if(step.needs.begin(), step.needs.end(), [&](size_t need) { return standings[need].judgement.verdict != StepVerdict::kUpToDate; });
    if (first != step.needs.end()) {
      standing.waits = true;
      standing.judgement.why = fmt::format("needs {}, which {}", means.plan.steps[*first].id,
                                           standings[*first].judgement.verdict == StepVerdict::kInFlight ? "is under way" : "is to be run");
      continue;
    }
    auto judged = judge.Judge(index, entries == journal.end() ? std::vector<JournalEntry>() : entries->second, run_of);
    if (judged) {
      standing.judgement = std::move(judged).value();
    } else {
      standing.problem = InOneLine(judged.error());
      standing.judgement.why = standing.problem;
    }
  }
  return standings;
}

}  // namespace fumehood
