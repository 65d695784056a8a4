#include "src/engine/dispatcher_lock.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "src/base/text.h"
#include "src/record/ledger.h"
#include "src/record/queue_file.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

extern char** environ;

namespace fumehood {
namespace {

constexpr const char* kLock = "dispatcher";
constexpr const char* kLog = "dispatcher.log";
constexpr int64_t kLongestLog = 1 << 20;

std::string EnginePath(const std::string& state_dir) { return state_dir + "/" + layout::kEngine; }

Result<std::string> FindProgram() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::vector<std::string> places;
  if (length > 0) {
    const std::string program(self, static_cast<size_t>(length));
    const std::string directory = program.substr(0, program.rfind('/'));
    places = {directory + "/fumehood", directory + "/../fumehood", directory + "/../bin/fumehood"};
  }
  places.emplace_back(FH_INSTALLED_PROGRAM);
  for (const std::string& place : places) {
    if (access(place.c_str(), X_OK) == 0) return place;
  }
  return Error(ErrorCode::kNotFound, "the program `fumehood`, which starts waiting runs, is not installed: looked at " + Join(places, ", "));
}

// The caller's, with this state directory: what its configuration says of the budget is what the queue is started by.
std::vector<std::string> EnvironmentFor(const Config& config) {
  const std::string_view state = "FUMEHOOD_STATE=";
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(state)) env.emplace_back(*entry);
  }
  env.push_back(std::string(state) + config.state_dir);
  return env;
}

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

Result<std::optional<Fd>> TryLockDispatcher(const std::string& state_dir) {
  FH_ASSIGN_OR_RETURN(Fd file, OpenAt(kHere, EnginePath(state_dir) + "/" + kLock, O_RDWR | O_CREAT, 0600));
  struct flock lock = WholeFile(F_WRLCK);
  if (fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return std::optional(std::move(file));
  const int error = errno;
  if (error == EAGAIN || error == EACCES) return std::optional<Fd>();
  return ErrnoError(error, "lock the dispatcher of " + Quoted(state_dir));
}

// Asks without taking the lock even for a moment: a dispatcher that starts in that moment would think another is there, and go.
Result<bool> IsDispatching(const std::string& state_dir) {
  const auto file = OpenAt(kHere, EnginePath(state_dir) + "/" + kLock, O_RDONLY);
  if (!file && file.error().code() == ErrorCode::kNotFound) return false;
  if (!file) return file.error();
  struct flock lock = WholeFile(F_WRLCK);
  if (fcntl(file->get(), F_OFD_GETLK, &lock) == 0) return lock.l_type != F_UNLCK;
  const int error = errno;
  return ErrnoError(error, "look at the dispatcher of " + Quoted(state_dir));
}

Result<void> EnsureDispatcher(const Config& config, bool for_whom_asks) {
  if (!for_whom_asks) {
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(config.state_dir));
    if (waiting.empty()) return {};
  }
  FH_ASSIGN_OR_RETURN(const bool there, IsDispatching(config.state_dir));
  if (there) return {};
  FH_ASSIGN_OR_RETURN(const std::string program, FindProgram());
  FH_ASSIGN_OR_RETURN(const Fd log, OpenLog(config.state_dir));
  SpawnRequest spawn;
  spawn.path = program;
  // Twice: the one that is started starts the one that stays and ends, so that the caller has no child to look after.
  spawn.argv = {"fumehood", "dispatch", "--detach"};
  spawn.env = EnvironmentFor(config);
  spawn.stdout_fd = log.get();
  spawn.stderr_fd = log.get();
  spawn.new_session = true;
  FH_ASSIGN_OR_RETURN(const pid_t child, Spawn(spawn));
  const int code = ReapCode(child);
  if (code != 0) {
    return Error(ErrorCode::kInternal, "what starts waiting runs could not be started; " + Quoted(EnginePath(config.state_dir) + "/" + kLog) + " says why");
  }
  return {};
}

}  // namespace fumehood
