#include "src/sys/named_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {

Result<NamedWatch> NamedWatch::On(const Fd& dir, const Fd& file) {
  NamedWatch watch;
  watch.watch_ = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  int error = errno;
  if (!watch.watch_.valid()) return ErrnoError(error, "watch");
  watch.dir_ = inotify_add_watch(watch.watch_.get(), ProcFdPath(dir.get()).c_str(), IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM);
  error = errno;
  if (watch.dir_ < 0) return ErrnoError(error, "watch a directory");
  const int on_file = inotify_add_watch(watch.watch_.get(), ProcFdPath(file.get()).c_str(), IN_MODIFY | IN_CLOSE_WRITE);
  error = errno;
  if (on_file < 0) return ErrnoError(error, "watch a file");
  return watch;
}

NamedChanges NamedWatch::Read() {
  NamedChanges changes;
  alignas(struct inotify_event) char buffer[16384];
  for (ssize_t got = 0; (got = read(watch_.get(), buffer, sizeof buffer)) > 0;) {
    for (const char* at = buffer; at < buffer + got;) {
      const auto* event = reinterpret_cast<const struct inotify_event*>(at);
      at += sizeof *event + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) changes.lost_some = true;
      if ((event->mask & IN_CLOSE_WRITE) != 0) changes.file_let_go = true;
      if (event->wd != dir_ || event->len == 0) continue;
      ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0 ? changes.came : changes.went).emplace_back(event->name);
    }
  }
  return changes;
}

}  // namespace fumehood
