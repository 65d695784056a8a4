#include "src/keeper/wake_dispatcher.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <vector>

#include "src/base/text.h"
#include "src/record/ledger.h"
#include "src/record/queue_file.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr const char* kLock = "dispatcher";
constexpr const char* kLog = "dispatcher.log";
constexpr int64_t kLongestLog = 1 << 20;

std::string EnginePath(const std::string& state_dir) { return state_dir + "/" + layout::kEngine; }

Result<Fd> OpenLog(const std::string& state_dir) {
  const std::string path = EnginePath(state_dir) + "/" + kLog;
  FH_ASSIGN_OR_RETURN(Fd log, OpenAt(kHere, path, O_WRONLY | O_CREAT | O_APPEND, 0600));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(log));
  if (info.st_size > kLongestLog) (void)!ftruncate(log.get(), 0);
  return log;
}

}  // namespace

namespace {

struct flock WholeFile(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

namespace {

// Killed, and not yet gone: its locks live on for some hundredth of a second after its memory.
bool IsDying(int lock_file) {
  constexpr size_t kLongest = 32;
  const auto pid = ReadFd(lock_file, kLongest);
  if (!pid || pid->empty()) return false;  // it has only just begun
  const auto memory = ReadFile(kHere, "/proc/" + *pid + "/statm");
  return !memory || memory->empty() || memory->starts_with("0 ");
}

}  // namespace

Result<std::optional<Fd>> TryLockDispatcher(const std::string& state_dir) {
  constexpr useconds_t kBriefly = 10000;
  constexpr int kMostTries = 500;
  for (int i = 0;; ++i) {
    FH_ASSIGN_OR_RETURN(Fd file, OpenAt(kHere, EnginePath(state_dir) + "/" + kLock, O_RDWR | O_CREAT, 0600));
    struct flock lock = WholeFile(F_WRLCK);
    if (fcntl(file.get(), F_OFD_SETLK, &lock) == 0) {
      const std::string pid = std::to_string(getpid());
      if (ftruncate(file.get(), 0) == 0) (void)!pwrite(file.get(), pid.data(), pid.size(), 0);
      return std::optional(std::move(file));
    }
    const int error = errno;
    if (error != EAGAIN && error != EACCES) return ErrnoError(error, "lock the dispatcher of " + Quoted(state_dir));
    if (!IsDying(file.get()) || i == kMostTries) return std::optional<Fd>();
    usleep(kBriefly);
  }
}

// Asks without taking the lock even for a moment: a dispatcher that starts in that moment would think another is there, and go.
Result<bool> IsDispatching(const std::string& state_dir) {
  const auto file = OpenAt(kHere, EnginePath(state_dir) + "/" + kLock, O_RDONLY);
  if (!file && file.error().code() == ErrorCode::kNotFound) return false;
  if (!file) return file.error();
  struct flock lock = WholeFile(F_WRLCK);
  if (fcntl(file->get(), F_OFD_GETLK, &lock) == 0) return lock.l_type != F_UNLCK && !IsDying(file->get());
  const int error = errno;
  return ErrnoError(error, "look at the dispatcher of " + Quoted(state_dir));
}

DispatcherProgram FindDispatcherProgram(const std::string& state_dir, const std::map<std::string, std::string>& environment) {
  DispatcherProgram program;
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::vector<std::string> places;
  if (length > 0) {
    const std::string own(self, static_cast<size_t>(length));
    const std::string directory = own.substr(0, own.rfind('/'));
    places = {directory + "/fumehood", directory + "/../fumehood", directory + "/../bin/fumehood"};
  }
  places.emplace_back(FH_INSTALLED_PROGRAM);
  for (const std::string& place : places) {
    if (program.path.empty() && access(place.c_str(), X_OK) == 0) program.path = place;
  }
  constexpr const char* kOthers[] = {"EXECUTOR_TYPE", "HOME", "PATH", "LANG", "DBUS_SESSION_BUS_ADDRESS", "TMPDIR"};
  for (const auto& [name, value] : environment) {
    if (name == "FUMEHOOD_STATE") continue;
    const bool wanted = name.starts_with("FUMEHOOD_") || name.starts_with("XDG_") ||
                        std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
    if (wanted) program.env.push_back(name + "=" + value);
  }
  program.env.push_back("FUMEHOOD_STATE=" + state_dir);
  return program;
}

Result<void> WakeDispatcher(const std::string& state_dir, const DispatcherProgram& program, bool whatever_waits) {
  if (!whatever_waits) {
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(state_dir));
    if (waiting.empty()) return {};
  }
  FH_ASSIGN_OR_RETURN(const bool there, IsDispatching(state_dir));
  if (there) return {};
  if (program.path.empty()) return Error(ErrorCode::kNotFound, "the program `fumehood`, which starts waiting runs, is not installed beside this one");
  FH_ASSIGN_OR_RETURN(const Fd log, OpenLog(state_dir));
  SpawnRequest spawn;
  spawn.path = program.path;
  // Twice: the one that is started starts the one that stays and ends, so that the caller has no child to look after.
  spawn.argv = {"fumehood", "dispatch", "--detach"};
  spawn.env = program.env;
  spawn.stdout_fd = log.get();
  spawn.stderr_fd = log.get();
  spawn.new_session = true;
  FH_ASSIGN_OR_RETURN(const pid_t child, Spawn(spawn));
  const int code = ReapCode(child);
  if (code != 0) return Error(ErrorCode::kInternal, "what starts waiting runs could not be started; " + Quoted(EnginePath(state_dir) + "/" + kLog) + " says why");
  return {};
}

}  // namespace fumehood
