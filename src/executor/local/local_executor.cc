#include "src/executor/local/local_executor.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

extern char** environ;

namespace fumehood {
namespace {

const char* LogName(LogStream stream) {
  switch (stream) {
    case LogStream::kStdout: return layout::kStdout;
    case LogStream::kStderr: return layout::kStderr;
    case LogStream::kExecution: return layout::kExecutionLog;
  }
  return layout::kExecutionLog;
}

}  // namespace

LocalExecutor::LocalExecutor(Config config, Submitter submitter, int64_t spare_boxes)
    : config_(std::move(config)), submitter_(std::move(submitter)), spares_(static_cast<size_t>(std::max<int64_t>(0, spare_boxes))) {}

Result<RunId> LocalExecutor::run_analysis(const AnalysisSpec& spec) { return RunIn(nullptr, spec); }

Result<RunId> LocalExecutor::RunIn(const Runtime* runtime, const AnalysisSpec& spec) {
  LaunchRequest request;
  request.runtime = runtime;
  request.spec = spec;
  return Start(std::move(request));
}

Result<RunId> LocalExecutor::Start(LaunchRequest request) {
  request.submitter = submitter_;
  ReapKeepers();
  FH_ASSIGN_OR_RETURN(Launched launched, Launch(request, config_, &spares_));
  FH_TRY(AwaitKeeper(launched));
  const std::scoped_lock lock(mutex_);
  children_[launched.id] = std::make_shared<Child>(Child{std::move(launched.keeper_fd), std::move(launched.news)});
  return launched.id;
}

void LocalExecutor::ReapKeepers() {
  const std::scoped_lock lock(mutex_);
  std::erase_if(children_, [](const auto& entry) {
    if (!PidfdWait(entry.second->keeper, 0)) return false;
    ReapIfOurs(entry.second->keeper);
    return true;
  });
}

std::shared_ptr<LocalExecutor::Child> LocalExecutor::ChildOf(const RunId& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = children_.find(id);
  return found == children_.end() ? nullptr : found->second;
}

Result<RunResult> LocalExecutor::check_status(const RunId& id) {
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, id));
  FH_ASSIGN_OR_RETURN(Sight sight, Look(run));
  return std::move(sight.result);
}

Result<RunResult> LocalExecutor::Wait(const RunId& id, int timeout_ms, int stop_fd) {
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, id));
  // Its keeper says "ended" some milliseconds before it has tidied up and goes. To another process only its end shows.
  const auto child = ChildOf(id);
  for (;;) {
    FH_ASSIGN_OR_RETURN(Sight sight, Look(run));
    if (IsFinal(sight.result.status)) return std::move(sight.result);
    if (!sight.keeper.valid()) {
      // Its end is being recorded by somebody else: for that there is nothing to wait on.
      constexpr useconds_t kBriefly = 20000;
      usleep(kBriefly);
      continue;
    }
    struct pollfd waits[3] = {{sight.keeper.get(), POLLIN, 0}, {child ? child->news.get() : -1, POLLIN, 0}, {stop_fd, POLLIN, 0}};
    if (poll(waits, 3, timeout_ms) == 0) return std::move(sight.result);
    if (waits[2].revents != 0 && waits[0].revents == 0) return std::move(sight.result);
    if (waits[0].revents != 0) ReapIfOurs(sight.keeper);
    if ((waits[1].revents & POLLIN) != 0) {
      char lines[256];
      (void)!read(child->news.get(), lines, sizeof lines);  // each is a reason to look again
    }
  }
}

void LocalExecutor::AwaitTidied(const RunId& id) {
  const auto child = ChildOf(id);
  if (!child) return;
  (void)PidfdWait(child->keeper, -1);
  ReapIfOurs(child->keeper);
}

Result<bool> LocalExecutor::kill(const RunId& id) {
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, id));
  for (;;) {
    FH_ASSIGN_OR_RETURN(Sight sight, Look(run));
    if (IsFinal(sight.result.status)) return false;
    if (!sight.keeper.valid()) {
      constexpr useconds_t kBriefly = 20000;
      usleep(kBriefly);
      continue;
    }
    const Result<void> asked = PidfdSignal(sight.keeper, SIGTERM);
    if (!asked && asked.error().code() != ErrorCode::kNotFound) return asked.error();
    break;
  }
  FH_ASSIGN_OR_RETURN(const RunResult result, Wait(id));
  return result.status == RunStatus::kKilled;
}

Result<LogChunk> LocalExecutor::get_logs(const RunId& id, const LogQuery& query) {
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, id));
  // In this order: an end that is seen now means that the file is whole when it is read.
  FH_ASSIGN_OR_RETURN(const Sight sight, Look(run));
  const bool ended = IsFinal(sight.result.status);
  LogChunk chunk;
  const auto fd = OpenAt(run.fd.get(), LogName(query.stream), O_RDONLY);
  if (!fd) {
    if (fd.error().code() != ErrorCode::kNotFound) return fd.error();
    chunk.complete = ended;
    return chunk;
  }
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*fd));
  const int64_t offset = query.offset >= 0 ? query.offset : std::max<int64_t>(0, info.st_size + query.offset);
  chunk.data.resize(static_cast<size_t>(std::clamp<int64_t>(info.st_size - offset, 0, std::max<int64_t>(0, query.limit))));
  const ssize_t got = pread(fd->get(), chunk.data.data(), chunk.data.size(), offset);
  const int error = errno;
  if (got < 0) return ErrnoError(error, "read the log");
  chunk.data.resize(static_cast<size_t>(got));
  chunk.next_offset = offset + got;
  chunk.complete = ended && chunk.next_offset >= info.st_size;
  return chunk;
}

Submitter CurrentSubmitter() {
  Submitter submitter;
  char cwd[PATH_MAX];
  if (getcwd(cwd, sizeof cwd) != nullptr) submitter.cwd = cwd;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) submitter.env[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return submitter;
}

}  // namespace fumehood
