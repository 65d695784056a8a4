#include "src/hood/start_program.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "src/sys/c_strings.h"

namespace fumehood {
namespace {

// The keeper blocks signals and ignores none, and was itself started with every signal at its default.
void RestoreSignals() {
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

StartedProgram StartProgram(const HoodPlan& plan, const std::vector<int>& fds) {
  const std::vector<char*> argv = CStrings(plan.argv);
  const std::vector<char*> env = CStrings(plan.env);
  // Shared with the child until it has executed or exited: that is what vfork is.
  volatile int exec_error = 0;
  const int pid = vfork();
  if (pid == 0) {
    for (size_t i = 0; i < fds.size(); ++i) dup2(fds[i], static_cast<int>(i));
    setsid();
    RestoreSignals();
    int worst = ENOENT;
    for (const std::string& path : plan.executables) {
      execve(path.c_str(), argv.data(), env.data());
      // As execvp(3): a file that may not be executed is remembered, but a later place on PATH may still have one.
      if (errno != ENOENT && errno != ENOTDIR) worst = errno;
    }
    exec_error = worst;
    _exit(127);
  }
  if (pid < 0) return {.error = errno};
  return {.pid = pid, .error = exec_error};
}

}  // namespace fumehood
