#include "src/hood/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace fumehood {

// errno is the same variable on both sides. It is written only by a call that fails, and then the run does not start.
int NetworkNamespace::Make(void* self) {
  auto* made = static_cast<NetworkNamespace*>(self);
  if (unshare(CLONE_NEWNET) == 0) made->fd_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (made->fd_ < 0) made->error_ = errno;
  return 0;
}

int NetworkNamespace::StartMaking() {
  helper_ = clone(Make, stack_ + sizeof stack_, CLONE_VM | CLONE_FILES | SIGCHLD, this);
  return helper_ < 0 ? errno : 0;
}

int NetworkNamespace::Join() {
  while (waitpid(helper_, nullptr, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  if (fd_ < 0) return error_ != 0 ? error_ : ECHILD;  // it was killed
  const int error = setns(fd_, CLONE_NEWNET) == 0 ? 0 : errno;
  close(fd_);
  fd_ = -1;
  return error;
}

}  // namespace fumehood
