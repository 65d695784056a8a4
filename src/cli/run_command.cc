// fumehood run: in the foreground, with the analysis' own streams and exit code.
#include "src/cli/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/cli/bring_over.h"
#include "src/cli/command.h"
#include "src/cli/later_attempts.h"
#include "src/cli/progress_line.h"
#include "src/cli/run_report.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"
#include "src/engine/turn.h"
#include "src/record/result_json.h"
#include "src/sys/file.h"
#include "src/sys/process.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

// Copies the caller's standard input into the run's pipe. The run never gets the descriptor itself: a file could be opened
// anew through it for writing, and into a terminal it could type.
class InputPump {
 public:
  explicit InputPump(int source) : source_(source) {}

  Result<Fd> MakePipeFor() {
    FH_ASSIGN_OR_RETURN(PipePair pipe, MakePipe());
    sink_ = std::move(pipe.write);
    return std::move(pipe.read);
  }

  int poll_fd() const { return !sink_.valid() ? -1 : pending_.empty() ? source_ : sink_.get(); }
  short poll_events() const { return pending_.empty() ? POLLIN : POLLOUT; }

  void OnReady() {
    if (pending_.empty()) {
      char buffer[4096];  // PIPE_BUF: what poll promises a pipe has room for, so the write does not block
      const ssize_t got = read(source_, buffer, sizeof buffer);
      if (got > 0) pending_.assign(buffer, static_cast<size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) sink_.Reset();
      return;
    }
    const ssize_t put = write(sink_.get(), pending_.data(), pending_.size());
    if (put > 0) pending_.erase(0, static_cast<size_t>(put));
    if (put < 0 && errno != EINTR && errno != EAGAIN) sink_.Reset();
  }

 private:
  int source_;
  Fd sink_;
  std::string pending_;
};

// Until the result is published, or the keeper has gone. A signal to us is a request to end the run; a second one leaves no grace.
Result<void> Attend(const Launched& launched, const Fd& signals, InputPump& input, ProgressLine& progress) {
  std::string news;
  for (bool watching = true; watching;) {
    std::array<struct pollfd, 3> waits = {{{launched.news.get(), POLLIN, 0},
                                           {signals.get(), POLLIN, 0},
                                           {input.poll_fd(), input.poll_events(), 0}}};
    if (poll(waits.data(), waits.size(), progress.poll_timeout_ms()) < 0 && errno != EINTR) break;
    progress.Update();
    if (waits[0].revents != 0) {
      char chunk[256];
      const ssize_t got = read(launched.news.get(), chunk, sizeof chunk);
      news.append(chunk, static_cast<size_t>(std::max<ssize_t>(got, 0)));
      watching = got > 0 && news.find("ended\n") == std::string::npos;
    }
    if (waits[1].revents != 0) {
      if (ReadSignal(signals)) (void)PidfdSignal(launched.keeper_fd, SIGTERM);  // one that has gone is past asking
    }
    if (waits[2].revents != 0) input.OnReady();
  }
  progress.Clear();
  const size_t failed = news.find("failed ");
  if (failed == std::string::npos || news.find("ended\n") != std::string::npos) return {};
  return Error(ErrorCode::kInternal, "the keeper of run " + launched.id + ": " + news.substr(failed + 7, news.find('\n', failed) - failed - 7));
}

// At once where there is room beside what runs; else it waits here, and says so.
Result<std::optional<HeldSlot>> TakeTurn(const RunId& id, const AnalysisSpec& spec, const Context& context, const Fd& signals) {
  const auto tell = [&](const std::string& why) {
    if (!context.json) PrintErr("fumehood: waits for its turn: " + why + "\n");
  };
  return AwaitTurn(context.config, WaitingOf(id, spec, context.config), signals.get(), tell);
}

Result<Launched> StartInForeground(const AnalysisSpec& spec, Context& context, InputPump& input, HeldSlot slot, const RunId& id) {
  LaunchRequest request;
  if (context.keeper) request.keeper = &*context.keeper;
  request.id = id;
  request.slot = std::move(slot);
  FH_ASSIGN_OR_RETURN(request.queue_file, RetryFile(id, spec, context.submitter));
  request.spec = spec;
  request.submitter = context.submitter;
  Fd run_input;
  if (spec.stdin_path.empty()) {
    FH_ASSIGN_OR_RETURN(run_input, input.MakePipeFor());
    request.stdin_fd = run_input.get();
  }
  request.stdout_fd = STDOUT_FILENO;
  request.stderr_fd = STDERR_FILENO;
  return Launch(request, context.config);
}

// Nobody can be asked: standard input was the analysis'.
int ApplyAtEnd(const RunId& id, const Context& context, bool quiet) {
  const auto apply = [&]() -> Result<int> {
    FH_ASSIGN_OR_RETURN(const RunChanges changes, OpenChanges(context.config, id));
    FH_ASSIGN_OR_RETURN(const Brought brought, BringOver(changes, {}));
    if (!brought.conflicts.empty()) {
      Tell(ConflictError(id, brought.conflicts), context);
      return kExitIncomplete;
    }
    if (!quiet || AnyFailed(brought)) {
      PrintErr(context.json ? BroughtJson(id, changes, brought) : "fumehood: " + BroughtReport(changes, brought, context.err_is_terminal));
    }
    return AnyFailed(brought) ? kExitIncomplete : 0;
  };
  const Result<int> code = apply();
  if (!code) Tell(code.error(), context);
  return code ? *code : ExitCodeOf(code.error());
}

// Before anything is started: a run of hours is not to end without its result. Makes nothing.
std::vector<Problem> ResultFileProblems(const Arguments& arguments) {
  if (!arguments.Has("result")) return {};
  const std::string path = arguments.Value("result");
  const auto problem = [](std::string message) { return std::vector<Problem>{{"", std::move(message), "--result"}}; };
  if (path.empty()) return problem("is empty; the path of a file is needed");
  const auto there = FindStat(kHere, path, true);
  if (there && *there) {
    if (S_ISDIR((*there)->st_mode)) return problem(Quoted(path) + " is a directory; name a file in it");
    if (access(path.c_str(), W_OK) != 0) return problem(Quoted(path) + " cannot be written by you");
    return {};
  }
  const size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const auto directory = FindStat(kHere, parent, true);
  if (!directory || !*directory || !S_ISDIR((*directory)->st_mode)) return problem("there is no directory " + Quoted(parent));
  if (access(parent.c_str(), W_OK | X_OK) != 0) return problem("you cannot make a file in " + Quoted(parent));
  return {};
}

void WriteResultFile(const std::string& path, const RunResult& result, const Context& context) {
  const auto write = [&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(kHere, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return WriteAll(file.get(), PrintResult(result) + "\n");
  };
  Result<void> written = write();
  // The run has ended as it has: its code is passed on all the same.
  if (!written) Tell(std::move(written).error().Within("the result could not be written; it is in " + Quoted(result.run_dir)), context);
}

// Empty: it was cancelled before its turn had come.
Result<std::optional<Launched>> StartOrExplain(const GivenSpec& given, Context& context, InputPump& input, const Fd& signals) {
  const RunId id = context.keeper ? context.keeper->token() : NewRunId();
  auto slot = TakeTurn(id, given.spec, context, signals);
  if (!slot) return given.Placed(std::move(slot).error());
  if (!*slot) return std::optional<Launched>();
  auto launched = StartInForeground(given.spec, context, input, std::move(**slot), id);
  if (!launched) return given.Placed(std::move(launched).error());
  return std::optional(std::move(launched).value());
}

}  // namespace

Result<int> RunInForeground(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(arguments, context.config, context.submitter, ResultFileProblems(arguments)));
  FH_ASSIGN_OR_RETURN(const Fd signals, CatchSignals({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  (void)::signal(SIGPIPE, SIG_IGN);  // a run that has closed its standard input is no reason to die
  InputPump input(STDIN_FILENO);
  FH_ASSIGN_OR_RETURN(const auto started, StartOrExplain(given, context, input, signals));
  if (!started) {
    PrintErr("fumehood: cancelled while it waited for its turn; nothing was started\n");
    return kExitInterrupted;
  }
  const Launched& launched = *started;
  const bool quiet = arguments.Has("quiet");
  ProgressLine progress(launched.run_dir, context.err_is_terminal && !context.out_is_terminal && !quiet && !context.json);
  FH_TRY(Attend(launched, signals, input, progress));
  Engine engine(context.config, context.submitter);
  FH_ASSIGN_OR_RETURN(const RunResult result, FollowToTheEnd(engine, launched.id, signals, context));
  if (arguments.Has("result")) WriteResultFile(arguments.Value("result"), result, context);
  const bool apply = arguments.Has("apply") && result.status == RunStatus::kCompleted;
  if (!quiet) {
    PrintErr(context.json ? PrintResult(result) + "\n"
                          : EndReport(result, apply ? FilesHint::kNone : FilesHint::kApply, context.err_is_terminal));
  }
  return apply ? ApplyAtEnd(result.run_id, context, quiet) : ExitCodeOf(result);
}

std::vector<Flag> RunFlags() {
  std::vector<Flag> flags = SpecFlags();
  flags.push_back({.name = "result", .value = "FILE", .help = "Write the RunResult there as JSON"});
  flags.push_back({.name = "apply", .help = "If it ends well, bring what it wrote into the work directory"});
  flags.push_back({.name = "quiet", .letter = 'q', .help = "Say nothing at the end"});
  flags.push_back({.name = "json", .help = "At the end, instead of words, the RunResult as one line of JSON on standard error"});
  return flags;
}

Command RunCommand() {
  Command command{.name = "run", .summary = "Run an analysis here and now", .positional = "[SPEC] [-- COMMAND...]", .flags = RunFlags(),
                  .description = "The analysis sees this directory through copy-on-write: it may write wherever it likes, and nothing here\n"
                                 "changes. Its own output and exit code are passed on; 124 means a time limit, 137 memory, 125 a fault of\n"
                                 "Fumehood's, 126 and 127 a command that could not be started. Limits that are not given are the profile's\n"
                                 "(`fumehood profiles`). Beside a SPEC a flag replaces what the file says of the same thing: a whole field, or\n"
                                 "the variable, label, database or input of that name or place; --output and --allow-weaker add.",
                  .run = RunInForeground, .launches = true, .tells_problems = true};
  return command;
}

}  // namespace fumehood
