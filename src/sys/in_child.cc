#include "src/sys/in_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "src/sys/errno_error.h"

namespace fumehood {

Result<int> InChild(const std::function<int()>& act) {
  const pid_t pid = fork();
  const int fork_error = errno;
  if (pid < 0) return ErrnoError(fork_error, "fork");
  if (pid == 0) _exit(act());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return Error(ErrorCode::kInternal, "the child was ended by signal " + std::to_string(WTERMSIG(status)));
}

}  // namespace fumehood
