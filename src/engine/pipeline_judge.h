// PipelineJudge: whether a step is to be run, and why. It reads, and makes nothing but notes of what it read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/executor.h"
#include "src/engine/pipeline_dir.h"
#include "src/engine/pipeline_find_run.h"
#include "src/engine/pipeline_journal.h"
#include "src/engine/pipeline_key.h"
#include "src/engine/pipeline_outputs.h"
#include "src/engine/pipeline_plan.h"

namespace fumehood {

enum class StepVerdict {
  kUpToDate,   // run `run` has made all that it would make
  kInFlight,   // run `run` is about to
  kToRun,
};

struct Judgement {
  StepVerdict verdict = StepVerdict::kToRun;
  RunId run;
  JournalEntry entry;              // of kUpToDate and kInFlight: theirs
  bool found = false;              // its run was found by its label: the journal does not know it yet
  bool failed = false;             // of kToRun: its newest run with this key did not end well
  std::vector<std::string> never_submitted;  // intents that the program died with
  std::string key;
  KeyMembers members;
  std::string why;                 // a clause: "never run", "command changed: -k 21 became -k 31; ..."
};

struct JudgeOptions {
  bool verify = false;    // outputs are held against their digests, not only their sizes
  bool remember = true;   // what was read is noted, so that it need not be read again
};

// Where the outputs of a step lie: the run of it that counts.
using RunOfStep = std::function<RunId(size_t step)>;

// Several threads may use one.
class PipelineJudge {
 public:
  // All are not owned and outlive it.
  PipelineJudge(const PipelinePlan& plan, const PipelinePlace& place, const Config& config, Executor& executor, FindRunOfIntent find, JudgeOptions options)
      : plan_(plan), place_(place), config_(config), executor_(executor), find_(std::move(find)), options_(options) {}

  // `entries`: what the journal has of the step. An error: something that the key is made of cannot be read.
  Result<Judgement> Judge(size_t step, const std::vector<JournalEntry>& entries, const RunOfStep& run_of);
  Result<KeyMembers> MembersOf(size_t step, const RunOfStep& run_of);

  // Where the run of a step is started.
  std::string WorkdirOf(const AnalysisSpec& spec) const;

 private:
  Result<std::string> DigestOf(const std::string& path);
  Result<std::string> DigestOfDatabaseAt(const std::string& path);
  Result<std::string> RuntimeMember(const std::string& name);
  std::string Absolute(const std::string& path) const;
  // Empty: its run can be used, as it ended or as it goes on; else why not.
  Result<std::string> LookAtRun(const JournalEntry& entry, Judgement& judgement);

  const PipelinePlan& plan_;
  const PipelinePlace& place_;
  const Config& config_;
  Executor& executor_;
  FindRunOfIntent find_;
  JudgeOptions options_;
  std::mutex mutex_;  // of runtimes_
  std::map<std::string, std::string> runtimes_;  // by name, what their member is
};

// The problems of all steps that only this machine shows: files that are not there, runtimes that are not healthy. `config`: of the run.
std::vector<Problem> ProblemsOnThisMachine(const PipelinePlan& plan, const PipelinePlace& place, const Config& config);

}  // namespace fumehood
