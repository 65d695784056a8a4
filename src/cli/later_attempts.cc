#include "src/cli/later_attempts.h"

#include <poll.h>

#include <optional>
#include <string>

#include <fmt/format.h>

#include "src/cli/terminal.h"
#include "src/record/log_reader.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/signals.h"
#include "src/sys/watch.h"

namespace fumehood {
namespace {

struct Printed {
  int number = 0;
  std::string path;
  Fd dir;
  std::optional<LogReader> out;
  std::optional<LogReader> err;
};

Result<std::optional<Printed>> FindAttempt(const RunDir& run, int number) {
  auto attempt = OpenAttemptDir(run, number);
  if (!attempt && attempt.error().code() == ErrorCode::kNotFound) return std::optional<Printed>();
  if (!attempt) return std::move(attempt).error();
  Printed printed{number, attempt->path, std::move(attempt->fd), {}, {}};
  FH_ASSIGN_OR_RETURN(Fd for_out, OpenDir(printed.dir.get(), "."));
  FH_ASSIGN_OR_RETURN(Fd for_err, OpenDir(printed.dir.get(), "."));
  printed.out.emplace(std::move(for_out), layout::kStdout, 0, LogReader::Until::kEnd);
  printed.err.emplace(std::move(for_err), layout::kStderr, 0, LogReader::Until::kEnd);
  return std::optional(std::move(printed));
}

Result<void> PrintAll(LogReader& reader, bool to_err) {
  constexpr int64_t kAtOnce = int64_t{1} << 20;
  for (;;) {
    FH_ASSIGN_OR_RETURN(const std::string data, reader.Next(kAtOnce));
    if (data.empty()) return {};
    if (to_err) {
      PrintErr(data);
    } else {
      PrintOut(data);
    }
  }
}

// Something happened in one of the directories, a signal came, or a second is over.
bool AwaitNews(const std::vector<std::string>& paths, const Fd& signals) {
  constexpr int kAnywayMs = 1000;
  const auto watch = WatchDirectories(paths);
  struct pollfd waits[2] = {{signals.get(), POLLIN, 0}, {watch ? watch->get() : -1, POLLIN, 0}};
  (void)poll(waits, 2, kAnywayMs);
  return waits[0].revents != 0;
}

}  // namespace

Result<RunResult> FollowToTheEnd(Engine& engine, const RunId& id, const Fd& signals, const Context& context) {
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(context.config.state_dir, id));
  std::optional<Printed> printed;
  for (int next = 2;;) {
    // In this order: an end that is seen now means that the logs are whole when they are read.
    FH_ASSIGN_OR_RETURN(RunResult result, engine.check_status(id));
    const bool ended = IsFinal(result.status);
    const bool attempt_ended = printed && (ended || ReadExit(printed->dir.get()));
    if (printed) {
      FH_TRY(PrintAll(*printed->out, false));
      FH_TRY(PrintAll(*printed->err, true));
    }
    if (!printed || attempt_ended) {
      FH_ASSIGN_OR_RETURN(auto found, FindAttempt(run, next));
      if (found) {
        if (!context.json) PrintErr(fmt::format("fumehood: attempt {}\n", next));
        printed = std::move(found);
        ++next;
        continue;
      }
      if (ended) return result;
    }
    const std::string attempts = run.path + "/" + layout::kAttempts;
    if (!AwaitNews({run.path, attempts, printed ? printed->path : attempts}, signals)) continue;
    if (ReadSignal(signals)) {
      FH_ASSIGN_OR_RETURN(const bool killed, engine.kill(id));
      (void)killed;
    }
  }
}

}  // namespace fumehood
