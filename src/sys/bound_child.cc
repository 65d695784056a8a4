#include "src/sys/bound_child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "src/base/text.h"
#include "src/sys/c_strings.h"
#include "src/sys/errno_error.h"
#include "src/sys/fd.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

// Everything that the children need, made before the fork: after it nothing is allocated.
struct Prepared {
  const char* path;
  const char* cwd;
  char* const* argv;
  char* const* env;
  int input;
  int output;
  int report;  // takes the errno of what could not be started
};

constexpr int kReport = 3;  // where the children have it

pid_t tool = 0;  // of the watcher's own process, for its handler

void KillToolAndEnd(int /*signal*/) {
  kill(-tool, SIGKILL);
  _exit(128 + SIGKILL);
}

void SetMask(bool blocked) {
  sigset_t set;
  sigemptyset(&set);
  if (blocked) sigaddset(&set, SIGTERM);
  sigprocmask(SIG_SETMASK, &set, nullptr);
}

[[noreturn]] void Report(int error) {
  (void)!write(kReport, &error, sizeof error);
  _exit(127);
}

// Nothing else of ours is open in the children: a lock that we hold ends with us alone, not with them.
void KeepStreamsOnly(const Prepared& prepared) {
  dup2(prepared.input, 0);
  dup2(prepared.output, 1);
  dup2(prepared.output, 2);
  // Close-on-exec: the report is written by an exec that failed.
  if (prepared.report != kReport) dup3(prepared.report, kReport, O_CLOEXEC);
  syscall(SYS_close_range, kReport + 1U, ~0U, 0U);
}

[[noreturn]] void BecomeTool(const Prepared& prepared, pid_t watcher) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != watcher) _exit(127);
  signal(SIGTERM, SIG_DFL);
  SetMask(false);
  if (chdir(prepared.cwd) != 0) Report(errno);
  execve(prepared.path, prepared.argv, prepared.env);
  Report(errno);
}

[[noreturn]] void Watch(const Prepared& prepared, pid_t parent) {
  KeepStreamsOnly(prepared);
  setsid();
  SetMask(true);
  struct sigaction action {};
  action.sa_handler = KillToolAndEnd;
  sigaction(SIGTERM, &action, nullptr);
  for (const int number : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) signal(number, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);  // it was gone before the line above
  const pid_t self = getpid();
  tool = fork();
  if (tool < 0) Report(errno);
  if (tool == 0) BecomeTool(prepared, self);
  setpgid(tool, tool);  // whoever of the two comes first
  close(kReport);
  SetMask(false);
  int status = 0;
  while (waitpid(tool, &status, 0) < 0 && errno == EINTR) {
  }
  kill(-tool, SIGKILL);  // what it left behind
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace

Result<int> RunBound(const BoundRequest& request) {
  FH_ASSIGN_OR_RETURN(const Fd null, OpenAt(kHere, "/dev/null", O_RDONLY));
  FH_ASSIGN_OR_RETURN(PipePair report, MakePipe());
  auto argv = CStrings(request.argv);
  auto env = CStrings(request.env);
  const Prepared prepared{request.path.c_str(), request.cwd.c_str(), argv.data(), env.data(), null.get(), request.output_fd, report.write.get()};
  const pid_t self = getpid();
  const pid_t watcher = fork();
  const int fork_error = errno;
  if (watcher < 0) return ErrnoError(fork_error, "fork");
  if (watcher == 0) Watch(prepared, self);
  report.write.Reset();
  const int code = ReapCode(watcher);
  int error = 0;
  if (read(report.read.get(), &error, sizeof error) == sizeof error) return ErrnoError(error, "start " + Quoted(request.path));
  return code;
}

}  // namespace fumehood
