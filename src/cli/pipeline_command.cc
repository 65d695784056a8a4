// fumehood pipeline run|resume|status|graph FILE
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/pipeline_report.h"
#include "src/cli/pipeline_results.h"
#include "src/cli/terminal.h"
#include "src/engine/engine.h"
#include "src/engine/pipeline_graph.h"
#include "src/engine/pipeline_parse.h"
#include "src/engine/pipeline_runner.h"
#include "src/spec/parse.h"
#include "src/spec/problem_list.h"
#include "src/sys/file.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

struct Opened {
  PipelinePlace place;
  PipelinePlan plan;
};

// All that is wrong with the file and with what it names on this machine, at once.
Result<Opened> OpenPipeline(const std::string& file, const Context& context) {
  FH_ASSIGN_OR_RETURN(const Format format, FormatOfPath(file));
  FH_ASSIGN_OR_RETURN(const std::string text, ReadSpecText(file));
  Opened opened;
  FH_ASSIGN_OR_RETURN(opened.place, FindPipelinePlace(context.config.state_dir, file));
  const ListNames list = [&](const std::string& directory) -> Result<std::vector<std::string>> {
    FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, directory.starts_with('/') ? directory : opened.place.base + "/" + directory));
    FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(dir.get()));
    std::vector<std::string> names;
    for (const DirEntry& entry : entries) names.push_back(entry.name);
    return names;
  };
  PipelineReading reading = ReadPipeline(text, format, file, context.config, list);
  std::vector<Problem> problems = std::move(reading.problems);
  opened.plan = std::move(reading.plan);
  for (Problem& problem : ProblemsOnThisMachine(opened.plan, opened.place, context.config)) problems.push_back(std::move(problem));
  if (!problems.empty()) return ProblemsError(Quoted(file), WithoutRepeats(std::move(problems)));
  return opened;
}

// Runs are submitted from the directory of the file, wherever the program was started.
Engine EngineFor(const PipelinePlace& place, const Context& context) {
  Submitter submitter = context.submitter;
  submitter.cwd = place.base;
  return Engine(context.config, std::move(submitter), context.config.spare_boxes);
}

PipelineMeans MeansFor(const Opened& opened, Engine& executor, const Context& context) {
  return {.plan = opened.plan, .place = opened.place, .config = context.config, .executor = executor,
          .wait = [&executor](const RunId& id, int stop_fd) { return executor.Wait(id, -1, stop_fd); },
          .find = [&context](const std::string& intent) { return WalkForRunOfIntent(context.config.state_dir, intent); },
          .tell = {}};
}

Result<PipelineOptions> OptionsFrom(const Arguments& arguments, const PipelinePlan& plan) {
  PipelineOptions options;
  FH_ASSIGN_OR_RETURN(const auto jobs, WholeArgument(arguments, "jobs", 1));
  constexpr int64_t kMostJobs = 1000;  // each is a thread and a keeper
  options.jobs = static_cast<size_t>(std::min(kMostJobs, jobs.value_or(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)))));
  options.keep_going = arguments.Has("keep-going");
  options.kill = arguments.Has("kill");
  options.verify = arguments.Has("verify");
  std::vector<std::string> groups;
  for (const PipelineStep& step : plan.steps) {
    if (groups.empty() || groups.back() != step.group) groups.push_back(step.group);
  }
  for (const std::string& name : arguments.Values("rerun")) {
    const bool known =
        std::any_of(plan.steps.begin(), plan.steps.end(), [&](const PipelineStep& step) { return step.id == name || step.group == name; });
    if (!known)
      return Error("the command line has a problem",
                   {{"", fmt::format("there is no step {}{}", Quoted(name), NearestHint(name, groups)), "--rerun", 0, 0}});
    options.rerun.insert(name);
  }
  return options;
}

// Lines for each step, and on a terminal one below them that is drawn anew.
class Teller {
 public:
  Teller(const PipelinePlan& plan, const Context& context, bool quiet)
      : plan_(plan), on_terminal_(context.err_is_terminal), lines_(!quiet && !context.json), progress_(lines_ && context.err_is_terminal) {}

  void Tell(const PipelineOutcome& outcome, const size_t* changed) {
    std::string text = changed != nullptr && lines_ ? StepLine(plan_, outcome, *changed, on_terminal_) : "";
    if (outcome.signal != 0 && signal_ == 0 && lines_) {
      const size_t running = outcome.Count(StepState::kRunning);
      text += outcome.signal == SIGINT ? fmt::format("fumehood: no further step is started; waiting for {} to end. Ctrl-C again ends them\n", running)
                                       : fmt::format("fumehood: no further step is started; {} go on by themselves\n", running);
    }
    signal_ = outcome.signal;
    if (progress_) {
      Clear();
      drawn_ = true;
      text += "fumehood: " + ProgressText(plan_, outcome);
    }
    if (!text.empty()) PrintErr(text);
  }
  void Clear() {
    if (std::exchange(drawn_, false)) PrintErr("\r\033[K");
  }

 private:
  const PipelinePlan& plan_;
  bool on_terminal_, lines_, progress_;
  bool drawn_ = false;
  int signal_ = 0;
};

Result<int> RunSteps(const Opened& opened, const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const PipelineOptions options, OptionsFrom(arguments, opened.plan));
  if (arguments.Has("out")) FH_TRY(CheckResultsDir(arguments.Value("out")));
  auto held = HoldPipeline(context.config.state_dir, opened.place);
  if (!held && held.error().code() == ErrorCode::kUnavailable) {
    Tell(held.error(), context);
    return kExitIncomplete;
  }
  if (!held) return std::move(held).error();
  FH_ASSIGN_OR_RETURN(const Fd signals, CatchSignals({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  Engine executor = EngineFor(opened.place, context);
  Teller teller(opened.plan, context, arguments.Has("quiet"));
  PipelineMeans means = MeansFor(opened, executor, context);
  means.signals = &signals;
  means.tell = [&](const PipelineOutcome& outcome, const size_t* changed) { teller.Tell(outcome, changed); };
  FH_ASSIGN_OR_RETURN(const PipelineOutcome outcome, RunPipeline(means, options));
  teller.Clear();
  int code = outcome.AllDone() ? 0 : outcome.signal != 0 ? 128 + outcome.signal : kExitIncomplete;
  if (arguments.Has("out")) {
    if (outcome.AllDone()) {
      FH_ASSIGN_OR_RETURN(code, BringResults(opened.plan, outcome, arguments.Value("out"), arguments.Has("force"), context));
    } else if (!context.json) {
      PrintErr("fumehood: nothing was brought over: the pipeline is not complete\n");
    }
  }
  PrintOut(context.json ? OutcomeJson(opened.plan, opened.place, outcome, context.config)
                        : OutcomeReport(opened.plan, outcome, context.config, arguments.positional[1], context.out_is_terminal));
  return code;
}

Result<int> Run(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const Opened opened, OpenPipeline(arguments.positional[1], context));
  return RunSteps(opened, arguments, context);
}

Result<int> Resume(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const Opened opened, OpenPipeline(arguments.positional[1], context));
  FH_ASSIGN_OR_RETURN(const JournalEntries entries, ReadJournal(opened.place.path));
  if (entries.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("there is nothing to resume: {0} was never run here. `fumehood pipeline run {0}` starts it", arguments.positional[1]));
  }
  return RunSteps(opened, arguments, context);
}

Result<int> Status(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const Opened opened, OpenPipeline(arguments.positional[1], context));
  Engine executor = EngineFor(opened.place, context);
  FH_ASSIGN_OR_RETURN(const std::vector<StepStanding> standings, StandingOf(MeansFor(opened, executor, context), arguments.Has("verify")));
  PrintOut(context.json ? StandingJson(opened.plan, opened.place, standings)
                        : StandingReport(opened.plan, standings, arguments.Has("why"), context.out_is_terminal));
  const bool done = std::all_of(standings.begin(), standings.end(),
                                [](const StepStanding& standing) { return standing.judgement.verdict == StepVerdict::kUpToDate; });
  return done ? 0 : kExitIncomplete;
}

Result<int> Graph(const Arguments& arguments, Context& context) {
  const std::string wanted = arguments.Has("format") ? arguments.Value("format") : "dot";
  const auto format = ParseGraphFormat(wanted);
  if (!format)
    return Error("the command line has a problem",
                 {{"", fmt::format("is {}; allowed: dot, mermaid or text{}", Quoted(wanted), NearestHint(wanted, {"dot", "mermaid", "text"})),
                   "--format", 0, 0}});
  FH_ASSIGN_OR_RETURN(const Opened opened, OpenPipeline(arguments.positional[1], context));
  Engine executor = EngineFor(opened.place, context);
  FH_ASSIGN_OR_RETURN(const std::vector<StepStanding> standings, StandingOf(MeansFor(opened, executor, context), false));
  if (context.json) {
    PrintOut(StandingJson(opened.plan, opened.place, standings));
    return 0;
  }
  std::vector<std::string> states;
  for (const StepStanding& standing : standings) states.push_back(StandingWord(standing));
  PrintOut(PrintGraph(opened.plan, states, *format));
  return 0;
}

struct Verb {
  const char* name;
  std::vector<std::string> flags;
  Result<int> (*run)(const Arguments&, Context&);
};
const std::vector<Verb>& Verbs() {
  static const std::vector<Verb> kVerbs = {
      {"run", {"jobs", "keep-going", "kill", "verify", "rerun", "out", "force", "quiet", "json"}, Run},
      {"resume", {"jobs", "keep-going", "kill", "verify", "rerun", "out", "force", "quiet", "json"}, Resume},
      {"status", {"why", "verify", "json"}, Status},
      {"graph", {"format", "json"}, Graph},
  };
  return kVerbs;
}

Result<int> Pipeline(const Arguments& arguments, Context& context) {
  std::vector<std::string> names;
  for (const Verb& verb : Verbs()) names.emplace_back(verb.name);
  if (arguments.positional.empty())
    return Error(ErrorCode::kInvalidArgument, "pipeline needs to know what to do: " + Join(names, ", ") + ", and the file of the pipeline");
  const std::string& word = arguments.positional[0];
  const auto verb = std::find_if(Verbs().begin(), Verbs().end(), [&](const Verb& known) { return known.name == word; });
  if (verb == Verbs().end()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("pipeline has no {}{}; there are: {}", Quoted(word), NearestHint(word, names), Join(names, ", ")));
  }
  std::vector<Problem> problems;
  for (const auto& [flag, values] : arguments.flags) {
    if (std::find(verb->flags.begin(), verb->flags.end(), flag) == verb->flags.end())
      problems.push_back({"--" + flag, fmt::format("is not for pipeline {}", word), "", 0, 0});
  }
  if (arguments.positional.size() < 2) problems.push_back({"FILE", "is missing: which pipeline? A .yaml, .json or .toml file", "", 0, 0});
  if (arguments.positional.size() > 2) problems.push_back({"FILE", fmt::format("{} is one too many", Quoted(arguments.positional[2])), "", 0, 0});
  if (!problems.empty()) return Error(fmt::format("fumehood pipeline {} was called wrongly", word), std::move(problems));
  return verb->run(arguments, context);
}

}  // namespace

Command PipelineCommand() {
  return {.name = "pipeline", .summary = "Run the steps of a pipeline, and only those that have to be run",
          .positional = "run FILE | resume FILE | status FILE | graph FILE",
          .flags = {{.name = "jobs", .letter = 'j', .value = "N", .help = "run, resume: so many runs at once; default: one for each processor"},
                    {.name = "keep-going", .letter = 'k', .help = "run, resume: after a failure still start what does not need the step that failed"},
                    {.name = "kill", .help = "run, resume: end what runs on the first Ctrl-C or SIGTERM; default: it goes on"},
                    {.name = "verify", .help = "Earlier outputs count only if their bytes have the recorded digests; default: sizes"},
                    {.name = "rerun", .value = "STEP", .help = "run, resume: run this step whatever was run before", .repeated = true},
                    {.name = "out", .value = "DIR", .help = "run, resume: at the end bring the outputs of the last steps there, as apply does"},
                    {.name = "force", .letter = 'f', .help = "run, resume: --out overwrites what was changed there meanwhile"},
                    {.name = "quiet", .letter = 'q', .help = "run, resume: no line for each step"},
                    {.name = "why", .help = "status: why each step is to be run, or is not"},
                    {.name = "format", .value = "FORMAT", .help = "graph: dot, mermaid or text; default: dot"},
                    {.name = "json", .help = "As JSON"}},
          .description = "A pipeline is a file of steps, each a spec with an id and what it needs (docs/pipelines.md). A step is run when its\n"
                         "command, inputs, variables or runtime are not those of an earlier run, or that run did not end well or is gone.\n"
                         "`run` and `resume` do the same: whatever ended them, finished steps are not repeated, and a run that is still under\n"
                         "way is waited for, not doubled. `resume` refuses a pipeline that was never run. Exit code: 0 when every step is done,\n"
                         "1 when one failed or was not reached, 130 after Ctrl-C. `status` ends with 1 while there is something to run.",
          .run = Pipeline};
}

}  // namespace fumehood
