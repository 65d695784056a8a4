// Processes: identity that survives the reuse of numbers, pidfds, pipes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// A pid is reused; with its start time and the boot it is one process for ever.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  std::string boot_id;       // /proc/sys/kernel/random/boot_id
  bool operator==(const ProcessIdentity&) const = default;
};

struct ProcessStat {
  pid_t pid = 0;
  std::string name;           // comm, at most 15 bytes
  char state = '?';
  pid_t parent = 0;
  uint64_t start_ticks = 0;
  int64_t resident_bytes = 0;
};

Result<std::string> BootId();
Result<std::optional<ProcessStat>> FindProcess(pid_t pid);
Result<ProcessIdentity> IdentityOf(pid_t pid);
// A pidfd of exactly this process; empty when it has gone or the number is another's now.
Result<Fd> FindByIdentity(const ProcessIdentity& identity);

Result<Fd> PidfdOpen(pid_t pid);
Result<void> PidfdSignal(const Fd& pidfd, int signal);
bool PidfdWait(const Fd& pidfd, int timeout_ms);  // true: it has ended; -1 waits for ever

struct PipePair {
  Fd read;
  Fd write;
};
Result<PipePair> MakePipe();

struct SocketPair {
  Fd ours;
  Fd theirs;
};
Result<SocketPair> MakeSocketPair();
// Sends all of it; a peer that has gone is an error, not a signal.
Result<void> SendAll(const Fd& socket, std::string_view data);

// Waits for a child of this process and takes it off the list of processes.
void Reap(pid_t child);
// The same through a pidfd, only if it has ended and is a child of this process.
void ReapIfOurs(const Fd& pidfd);

// Starts `path` with exactly the descriptors in `fds` as 3, 4, 5, ... besides 0 to 2; all others are closed. vfork
// semantics: the cost does not grow with the caller's memory.
struct SpawnRequest {
  std::string path;
  std::vector<std::string> argv;
  std::vector<std::string> env;
  int stdin_fd = -1;   // -1: /dev/null
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::vector<int> fds;
  bool new_session = false;
};
Result<pid_t> Spawn(const SpawnRequest& request);
// Waits for a child; its exit code, or 128 + the signal that ended it.
int ReapCode(pid_t child);

}  // namespace fumehood
