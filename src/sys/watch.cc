#include "src/sys/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include "src/sys/errno_error.h"

namespace fumehood {

Result<Fd> WatchDirectories(const std::vector<std::string>& paths) {
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  const int error = errno;
  if (fd < 0) return ErrnoError(error, "watch directories");
  for (const std::string& path : paths) (void)inotify_add_watch(fd, path.c_str(), IN_MODIFY | IN_MOVED_TO | IN_CREATE);
  return Fd(fd);
}

void AwaitChange(const Fd& watch, int timeout_ms) {
  struct pollfd wait {watch.get(), POLLIN, 0};
  (void)poll(&wait, 1, timeout_ms);
  char events[4096];
  while (read(watch.get(), events, sizeof events) > 0) {
  }
}

}  // namespace fumehood
