// fumehood logs [-f] RUN
#include <charconv>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/terminal.h"
#include "src/record/json_text.h"
#include "src/record/log_reader.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/watch.h"

namespace fumehood {
namespace {

Result<const char*> NameOf(const Arguments& arguments) {
  if (arguments.Has("stderr") && arguments.Has("execution")) {
    return Error(ErrorCode::kInvalidArgument, "--stderr and --execution are two different logs; ask for one");
  }
  return arguments.Has("stderr") ? layout::kStderr : arguments.Has("execution") ? layout::kExecutionLog : layout::kStdout;
}

// The execution log is the run's; the other two are an attempt's.
Result<Fd> DirectoryOf(const RunDir& run, const std::string& name) {
  if (name == layout::kExecutionLog) return OpenDir(run.fd.get(), ".");
  FH_ASSIGN_OR_RETURN(AttemptDir attempt, OpenLastAttemptDir(run));
  return std::move(attempt.fd);
}

struct Request {
  RunId id;
  std::string name;  // of the log's file
  bool follow = false;
  bool json = false;
};

const char* StreamOf(const std::string& name) {
  return name == layout::kStderr ? "stderr" : name == layout::kExecutionLog ? "execution" : "stdout";
}

std::string AsJson(const Request& request, std::string_view data, int64_t next_offset, bool complete) {
  JsonWriter json;
  json.BeginObject().Key("run_id").String(request.id).Key("stream").String(StreamOf(request.name));
  WriteText(json, "data", data);
  json.Key("next_offset").Int(next_offset).Key("complete").Bool(complete);
  return json.EndObject().Take() + "\n";
}

Result<int> Print(Engine& engine, const Request& request, const Fd& watch, LogReader reader) {
  constexpr int64_t kAtOnce = int64_t{1} << 20;
  std::string held;  // for the one object of JSON
  for (;;) {
    // In this order: an end that is seen now means that the log is whole when it is read.
    FH_ASSIGN_OR_RETURN(const RunResult result, engine.check_status(request.id));
    FH_ASSIGN_OR_RETURN(const std::string data, reader.Next(kAtOnce));
    const bool over = data.empty() && (!request.follow || IsFinal(result.status));
    if (request.json && !request.follow) {
      held += data;
    } else if (request.json && !data.empty()) {
      if (!PrintOut(AsJson(request, data, reader.next_offset(), false))) return 0;
    } else if (!PrintOut(data)) {
      return 0;  // whoever read has gone
    }
    if (over && request.json) PrintOut(AsJson(request, held, reader.next_offset(), IsFinal(result.status)));
    if (over) return 0;
    if (!data.empty()) continue;
    constexpr int kAnywayMs = 1000;  // for what a watch may miss
    AwaitChange(watch, kAnywayMs);
  }
}

// False: it waits in the queue, and that is all that there is to say of it.
Result<bool> AwaitStart(const RunId& id, const Arguments& arguments, const Context& context) {
  Engine engine(context.config, context.submitter);
  for (bool told = false;; told = true) {
    FH_ASSIGN_OR_RETURN(const RunResult result, engine.check_status(id));
    if (IsFinal(result.status) && result.attempt == 0) {
      if (!context.json) PrintErr("fumehood: nothing of run " + id + " was executed, so it printed nothing\n");
      return false;
    }
    if (result.status != RunStatus::kPending) return true;
    if (!told && !context.json) PrintErr("fumehood: " + id + " waits in the queue\n");
    if (!arguments.Has("follow")) return false;
    FH_TRY(engine.AwaitStart(id));
  }
}

Result<int> Logs(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood logs RUN"));
  FH_ASSIGN_OR_RETURN(const bool started, AwaitStart(id, arguments, context));
  if (!started) return 0;
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(context.config.state_dir, id));
  FH_ASSIGN_OR_RETURN(const std::string name, NameOf(arguments));
  int64_t from = 0;
  if (arguments.Has("tail")) {
    const std::string text = arguments.Value("tail");
    int64_t bytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (error != std::errc() || end != text.data() + text.size() || bytes <= 0) {
      return Error(ErrorCode::kInvalidArgument, "--tail takes a number of bytes, not " + Quoted(text));
    }
    from = -bytes;
  }
  FH_ASSIGN_OR_RETURN(Fd dir, DirectoryOf(run, name));
  FH_ASSIGN_OR_RETURN(const Fd watch, WatchDirectories({run.path, ProcFdPath(dir.get())}));
  const Request request{id, name, arguments.Has("follow"), context.json};
  const auto until = request.follow ? LogReader::Until::kEnd : LogReader::Until::kPresentEnd;
  Engine engine(context.config, context.submitter);
  return Print(engine, request, watch, LogReader(std::move(dir), name, from, until));
}

}  // namespace

Command LogsCommand() {
  return {.name = "logs", .summary = "What a run printed", .positional = "RUN",
          .flags = {{.name = "follow", .letter = 'f', .help = "Go on until the run ends"},
                    {.name = "stderr", .help = "Its standard error"},
                    {.name = "execution", .help = "What Fumehood has to say of it: steps, limits, end"},
                    {.name = "tail", .value = "BYTES", .help = "Only the last so many bytes"},
                    {.name = "json", .help = "As JSON: one object; with -f one for each piece as it comes, the last of them complete"}},
          .description = "Of output beyond output_limit_mb the first and the last half are kept, and a line in between says how many\n"
                         "bytes were dropped. While the run goes on, the newest are shown as they come; one who reads more slowly\n"
                         "than the run prints is told in the same way what was missed.",
          .run = Logs};
}

}  // namespace fumehood
