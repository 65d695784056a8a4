// PipelineRunner: brings the steps of a plan to their ends, several at once, above any Executor.
//
// Each step is one task of a pool of threads: judge, copy what it needs of earlier steps, write the intent, submit, write the run's id, wait
// for the end. The thread that calls RunPipeline decides whose turn it is and hears of signals.
// A kill -9 at any instant leaves a journal from which the next Run goes on: see pipeline_journal.h.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/executor.h"
#include "src/engine/pipeline_dir.h"
#include "src/engine/pipeline_find_run.h"
#include "src/engine/pipeline_journal.h"
#include "src/engine/pipeline_judge.h"
#include "src/engine/pipeline_plan.h"
#include "src/sys/fd.h"

namespace fumehood {

// Waits for the end of a run; a result that is not final when `stop_fd` becomes readable before it.
using WaitForRun = std::function<Result<RunResult>(const RunId& id, int stop_fd)>;

struct PipelineOptions {
  size_t jobs = 1;              // runs at once
  bool keep_going = false;      // after a failure, start what does not need the step that failed
  bool kill = false;            // a signal ends what runs; else that goes on, and is found again
  bool verify = false;          // outputs are held against their digests before they count as there
  std::set<std::string> rerun;  // ids of steps, as in the file, that are run whatever their key
};

enum class StepState {
  kWaiting,     // not reached
  kRunning,
  kUpToDate,    // an earlier run counts
  kCompleted,   // by a run that this call started or joined
  kFailed,      // its run did not end well, or could not be started
  kNeedsFailed, // a step that it needs did
  kLeft,        // its run goes on: this call was asked to stop
};
const char* Name(StepState state);  // "up_to_date"
bool IsDone(StepState state);       // its outputs are there

struct StepOutcome {
  StepState state = StepState::kWaiting;
  RunId run;
  std::string why;    // it was run, or was not
  std::string notes;  // of a failure, for people
  bool joined = false;  // the run had been started before
  double wall_s = 0;
};

struct PipelineOutcome {
  std::vector<StepOutcome> steps;  // as in the plan
  int signal = 0;                  // that ended it before its end
  size_t Count(StepState state) const;
  bool AllDone() const;
};

struct PipelineMeans {
  const PipelinePlan& plan;
  const PipelinePlace& place;
  const Config& config;
  Executor& executor;
  WaitForRun wait;
  FindRunOfIntent find;
  // Of CatchSignals; null: none is heard of. SIGINT: nothing more is started, and what runs is waited for; a second one ends it. Any
  // other: what runs goes on, and this call returns at once.
  const Fd* signals = nullptr;
  // Called by the thread of RunPipeline whenever a step has another state; with null after a signal, and every so often.
  std::function<void(const PipelineOutcome&, const size_t* changed)> tell;
};

// The caller holds the pipeline (HoldPipeline). An error: the journal cannot be written, so nothing more was started.
Result<PipelineOutcome> RunPipeline(const PipelineMeans& means, const PipelineOptions& options);

// How each step stands, without running anything: as the next Run would find it.
struct StepStanding {
  Judgement judgement;
  bool waits = false;   // for a step that is not up to date: whether it is to be run is not known yet
  RunId last_run;       // the newest that the journal knows, however it ended
  std::string problem;  // it could not be judged
};
Result<std::vector<StepStanding>> StandingOf(const PipelineMeans& means, bool verify);

}  // namespace fumehood
