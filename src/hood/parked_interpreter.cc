#include "src/hood/parked_interpreter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "src/base/wire.h"
#include "src/hood/start_program.h"
#include "src/sys/message.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

// Of packages on a slow disk. The keeper has a shorter patience where their loading hangs for want of memory.
constexpr int kLoadingMs = 120 * 1000;
// It compares the files that it has loaded, and no more.
constexpr int kHandOverMs = 10 * 1000;

bool HasInput(int fd) {
  struct pollfd wait {fd, POLLIN, 0};
  return poll(&wait, 1, 0) > 0 && (wait.revents & POLLIN) != 0;
}

// Above the numbers that they become in the interpreter: what was closed there may be any of them.
Fd Above(const Fd& fd) {
  constexpr int kFloor = 16;
  return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFloor));
}

std::string ReadToEnd(const Fd& fd) {
  std::string text;
  char chunk[256];
  for (;;) {
    const ssize_t got = read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || text.size() > 1024) return text;
    text.append(chunk, static_cast<size_t>(got));
  }
}

}  // namespace

std::string ParkedInterpreter::Start(const HoodPlan& plan, int keepalive) {
  const StartedProgram started = Begin(plan);
  if (started.error != 0) return std::string("start the interpreter: ") + strerror(started.error);
  pid_ = started.pid;
  return AwaitLoaded(keepalive);
}

// On return only the interpreter holds its ends, so that its end shows.
StartedProgram ParkedInterpreter::Begin(const HoodPlan& plan) {
  auto line = MakeSocketPair();
  auto output = MakePipe();
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!line || !output || !null.valid()) return {.error = EMFILE};
  line_ = std::move(line->ours);
  output_ = std::move(output->read);
  const Fd stdin_fd = Above(null);
  const Fd printed = Above(output->write);
  const Fd theirs = Above(line->theirs);
  if (!stdin_fd.valid() || !printed.valid() || !theirs.valid()) return {.error = EMFILE};
  return StartProgram(plan, {stdin_fd.get(), printed.get(), printed.get(), theirs.get()});
}

std::string ParkedInterpreter::AwaitLoaded(int keepalive) {
  std::string why = AwaitAnswer('r', keepalive, kLoadingMs);
  if (why.empty() && HasInput(output_.get())) why = "the packages print something while they are loaded, which the run would not see";
  return why;
}

// Empty where `wanted` came.
std::string ParkedInterpreter::AwaitAnswer(char wanted, int keepalive, int timeout_ms) {
  struct pollfd waits[2] = {{line_.get(), POLLIN, 0}, {keepalive, POLLIN, 0}};
  int ready = 0;
  do {
    ready = poll(waits, 2, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (waits[1].revents != 0) _exit(1);  // the keeper has gone
  if (ready <= 0) return "the waiting interpreter did not answer in time";
  char word = 0;
  ssize_t got = 0;
  do {
    got = read(line_.get(), &word, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) return "the waiting interpreter has ended";
  if (word == wanted) return "";
  return ReadToEnd(line_);
}

std::string ParkedInterpreter::HandOver(const HoodPlan& run, const std::vector<int>& streams) {
  wire::Writer writer;
  writer(run.cwd)(run.argv)(run.env);
  const Result<void> sent = SendMessage(line_, writer.Take(), streams);
  std::string why = sent ? AwaitAnswer('s', -1, kHandOverMs) : "the waiting interpreter has ended";
  line_.Reset();
  output_.Reset();
  if (!why.empty()) End();
  return why;
}

// With all that its packages may have started.
void ParkedInterpreter::End() {
  (void)kill(pid_, SIGKILL);
  const bool is_init = getpid() == 1;  // else -1 would be everybody on the host
  while (waitpid(is_init ? -1 : pid_, nullptr, 0) >= 0 || errno == EINTR) {
    if (is_init) (void)kill(-1, SIGKILL);
  }
}

}  // namespace fumehood
