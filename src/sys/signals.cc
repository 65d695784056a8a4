#include "src/sys/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "src/sys/errno_error.h"

namespace fumehood {

Result<Fd> CatchSignals(const std::vector<int>& signals) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : signals) sigaddset(&wanted, signal);
  if (sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0) {
    const int error = errno;
    return ErrnoError(error, "block signals");
  }
  const int fd = signalfd(-1, &wanted, SFD_CLOEXEC);
  const int error = errno;
  if (fd < 0) return ErrnoError(error, "open a signal descriptor");
  return Fd(fd);
}

std::optional<CaughtSignal> ReadSignal(const Fd& signals) {
  struct signalfd_siginfo info;
  if (read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return CaughtSignal{static_cast<int>(info.ssi_signo), info.ssi_code <= 0, info.ssi_uid, static_cast<pid_t>(info.ssi_pid)};
}

}  // namespace fumehood
