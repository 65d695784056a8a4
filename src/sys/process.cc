#include "src/sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/c_strings.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {

Result<std::string> BootId() {
  FH_ASSIGN_OR_RETURN(std::string id, ReadFile(kHere, "/proc/sys/kernel/random/boot_id", 128));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Result<std::optional<ProcessStat>> FindProcess(pid_t pid) {
  auto text = FindFile(kHere, fmt::format("/proc/{}/stat", pid), 4096);
  // ESRCH: it went between the open and the read.
  if (!text) return text.error().errno_value() == ESRCH ? Result<std::optional<ProcessStat>>(std::nullopt) : std::move(text).error();
  if (!text->has_value()) return std::optional<ProcessStat>();
  const std::string& line = **text;
  // The name may hold spaces and brackets: it ends at the last one (proc_pid_stat(5)).
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return Error(ErrorCode::kInternal, fmt::format("/proc/{}/stat has no name in it", pid));
  }
  const std::vector<std::string> fields = SplitWords(std::string_view(line).substr(close + 1));
  constexpr size_t kState = 0, kParent = 1, kStart = 19, kResidentPages = 21;  // counted from field 3
  if (fields.size() <= kResidentPages) return Error(ErrorCode::kInternal, fmt::format("/proc/{}/stat is too short", pid));
  const auto number = [&](size_t i) {
    uint64_t value = 0;
    std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), value);
    return value;
  };
  ProcessStat stat;
  stat.pid = pid;
  stat.name = line.substr(open + 1, close - open - 1);
  stat.state = fields[kState][0];
  stat.parent = static_cast<pid_t>(number(kParent));
  stat.start_ticks = number(kStart);
  stat.resident_bytes = static_cast<int64_t>(number(kResidentPages)) * sysconf(_SC_PAGESIZE);
  return std::optional(stat);
}

Result<ProcessIdentity> IdentityOf(pid_t pid) {
  FH_ASSIGN_OR_RETURN(const auto stat, FindProcess(pid));
  if (!stat) return Error(ErrorCode::kNotFound, fmt::format("process {} is not there", pid), ESRCH);
  FH_ASSIGN_OR_RETURN(std::string boot, BootId());
  return ProcessIdentity{pid, stat->start_ticks, std::move(boot)};
}

Result<Fd> FindByIdentity(const ProcessIdentity& identity) {
  auto pidfd = PidfdOpen(identity.pid);
  if (!pidfd) return pidfd.error().code() == ErrorCode::kNotFound ? Result<Fd>(Fd()) : std::move(pidfd).error();
  // In this order: the pidfd pins the process, so what is read afterwards is read of it or of nothing.
  FH_ASSIGN_OR_RETURN(const auto stat, FindProcess(identity.pid));
  FH_ASSIGN_OR_RETURN(const std::string boot, BootId());
  const bool same = stat && stat->start_ticks == identity.start_ticks && boot == identity.boot_id && stat->state != 'Z';
  if (!same) return Fd();
  return pidfd;
}

Result<Fd> PidfdOpen(pid_t pid) {
  const long raw = syscall(SYS_pidfd_open, pid, 0);
  const int error = errno;
  if (raw < 0) return ErrnoError(error, fmt::format("open process {}", pid));
  return Fd(static_cast<int>(raw));
}

Result<void> PidfdSignal(const Fd& pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) return {};
  const int error = errno;
  return ErrnoError(error, fmt::format("send signal {}", signal));
}

bool PidfdWait(const Fd& pidfd, int timeout_ms) {
  struct pollfd wait {pidfd.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&wait, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR && timeout_ms < 0);
  return ready > 0;
}

Result<PipePair> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    return ErrnoError(error, "make a pipe");
  }
  return PipePair{Fd(ends[0]), Fd(ends[1])};
}

Result<SocketPair> MakeSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    const int error = errno;
    return ErrnoError(error, "make a pair of sockets");
  }
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Result<void> SendAll(const Fd& socket, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = send(socket.get(), data.data(), data.size(), MSG_NOSIGNAL);
    const int error = errno;
    if (put < 0 && error != EINTR) return ErrnoError(error, "send");
    if (put > 0) data.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

void Reap(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int ReapCode(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void ReapIfOurs(const Fd& pidfd) {
  siginfo_t info{};
  (void)waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG);  // of others' children there is nothing to reap
}

namespace {

// Moves `fd` above the numbers that the child will use, so that no dup2 there overwrites a source of a later one.
Result<Fd> Above(int fd, int floor) {
  const int raw = fcntl(fd, F_DUPFD_CLOEXEC, floor);
  const int error = errno;
  if (raw < 0) return ErrnoError(error, "duplicate a descriptor");
  return Fd(raw);
}

}  // namespace

Result<pid_t> Spawn(const SpawnRequest& request) {
  FH_ASSIGN_OR_RETURN(const Fd null, OpenAt(kHere, "/dev/null", O_RDWR));
  std::vector<int> wanted = {request.stdin_fd, request.stdout_fd, request.stderr_fd};
  wanted.insert(wanted.end(), request.fds.begin(), request.fds.end());
  std::vector<Fd> sources;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (size_t i = 0; i < wanted.size(); ++i) {
    auto source = Above(wanted[i] < 0 ? null.get() : wanted[i], static_cast<int>(wanted.size()) + 3);
    if (!source) {
      posix_spawn_file_actions_destroy(&actions);
      return std::move(source).error();
    }
    posix_spawn_file_actions_adddup2(&actions, source->get(), static_cast<int>(i));
    sources.push_back(std::move(source).value());
  }
  // Also what others left open without close-on-exec: it is none of the child's business.
  posix_spawn_file_actions_addclosefrom_np(&actions, static_cast<int>(wanted.size()));
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (request.new_session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&attributes, static_cast<short>(flags));

  pid_t pid = -1;
  const int error = posix_spawn(&pid, request.path.c_str(), &actions, &attributes, CStrings(request.argv).data(),
                                CStrings(request.env).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return ErrnoError(error, "start " + Quoted(request.path));
  return pid;
}

}  // namespace fumehood
