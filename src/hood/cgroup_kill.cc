// RunCgroup: ending everything in it, and taking it away.
//
// cgroup.kill (v2, and the v2 half of a hybrid host) ends a whole cgroup in one step, forks in progress included. Without it
// processes are listed and killed one by one, after nothing new can come: the run is frozen and its pids limit set to 0. What
// was being born meanwhile is frozen before its first instruction, and falls in the next round.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "src/base/text.h"
#include "src/hood/cgroup.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr int64_t kKillPatienceMs = 10000;   // longer waits are for a device or server that does not answer
constexpr int64_t kCacheWorthKeeping = int64_t{8} << 20;
constexpr char kMemoryReclaim[] = "memory.reclaim";         // v2
constexpr char kMemoryForceEmpty[] = "memory.force_empty";  // v1
constexpr int64_t kRemovePatienceMs = 2000;  // dead processes leave a cgroup within milliseconds

int64_t NowMs() {
  struct timespec now {};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail with this clock
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

void WaitUntil(int fd, short events, int64_t deadline_ms) {
  struct pollfd waited {fd, events, 0};
  (void)poll(&waited, 1, static_cast<int>(std::max<int64_t>(deadline_ms - NowMs(), 0)));  // the caller looks again anyway
}

// True once no process is left; cgroup.events wakes us when that changes.
bool WaitForEmpty(int v2_dir, int64_t deadline_ms) {
  const Fd events(openat(v2_dir, kCgroupEvents, O_RDONLY | O_CLOEXEC));
  while (events.valid()) {
    const std::string text = Reread(events);
    if (text.empty() || ValueOf(text, "populated") == 0) return true;  // empty: the cgroup itself has gone
    if (NowMs() >= deadline_ms) return false;
    WaitUntil(events.get(), POLLPRI, deadline_ms);
  }
  return true;
}

std::string ListOf(const std::vector<pid_t>& pids) {
  std::vector<std::string> words;
  for (const pid_t pid : pids) words.push_back(std::to_string(pid));
  return Join(words, ", ");
}

Error CannotEnd(const std::vector<pid_t>& pids) {
  return Error(ErrorCode::kUnavailable, "killed processes have not ended yet: " + ListOf(pids) +
                                            "; they wait inside the kernel, mostly for a disk or file server that does not answer");
}

// Kills what was in the cgroup both before and after its pidfd was opened: a number that was reused meanwhile is spared.
void KillMembers(const std::vector<pid_t>& before, const std::vector<Fd>& pidfds, const std::vector<pid_t>& after) {
  for (size_t i = 0; i < before.size(); ++i) {
    const bool still = std::find(after.begin(), after.end(), before[i]) != after.end();
    if (still && pidfds[i].valid()) (void)PidfdSignal(pidfds[i], SIGKILL);  // it may have ended by itself
  }
}

}  // namespace

Result<std::vector<pid_t>> RunCgroup::Pids() const {
  if (version_ == CgroupVersion::kV2) return ReadPids(v2_dir_.get(), PathOf("v2"));
  const auto first = v1_dirs_.begin();
  return first != v1_dirs_.end() ? ReadPids(first->second.get(), first->first) : std::vector<pid_t>();
}

// A spawner that was stopped halfway sits in some hierarchies only.
Result<std::vector<pid_t>> RunCgroup::AllPids() const {
  std::vector<pid_t> all;
  const auto add = [&](int dir, const std::string& path) -> Result<void> {
    FH_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ReadPids(dir, path));
    all.insert(all.end(), pids.begin(), pids.end());
    return {};
  };
  if (v2_dir_.valid()) FH_TRY(add(v2_dir_.get(), PathOf("v2")));
  for (const auto& [path, dir] : v1_dirs_) FH_TRY(add(dir.get(), path));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Result<void> RunCgroup::KillAll() {
  const int64_t deadline_ms = NowMs() + kKillPatienceMs;
  if (v2_dir_.valid() && WriteKernelFile(v2_dir_.get(), kCgroupKill, "1")) {
    if (!WaitForEmpty(v2_dir_.get(), deadline_ms)) {
      FH_ASSIGN_OR_RETURN(const std::vector<pid_t> left, AllPids());
      return CannotEnd(left);
    }
    if (version_ == CgroupVersion::kV2) return {};
  }
  return KillByPids(deadline_ms);
}

Result<void> RunCgroup::KillByPids(int64_t deadline_ms) {
  const int freezer = V1Dir("freezer");
  for (bool first = true;; first = false) {
    FH_ASSIGN_OR_RETURN(std::vector<pid_t> before, AllPids());
    if (before.empty()) return {};
    if (before.front() == 0) {
      return Error(ErrorCode::kUnsupported, "the run holds processes of another pid namespace, which cannot be killed from here: "
                                            "run this command where the run was started");
    }
    if (NowMs() >= deadline_ms) return CannotEnd(before);
    // Whichever of these is not there is not needed: each alone keeps new processes from running.
    if (first && V1Dir("pids") >= 0) (void)WriteKernelFile(V1Dir("pids"), kPidsMax, "0");
    if (first && version_ == CgroupVersion::kV2) (void)WriteKernelFile(v2_dir_.get(), kPidsMax, "0");
    if (freezer >= 0) (void)WriteKernelFile(freezer, kFreezerState, "FROZEN");
    if (version_ == CgroupVersion::kV2) (void)WriteKernelFile(v2_dir_.get(), kCgroupFreeze, "1");

    FH_ASSIGN_OR_RETURN(before, AllPids());
    std::vector<Fd> pidfds;
    for (const pid_t pid : before) {
      auto pidfd = PidfdOpen(pid);
      pidfds.push_back(pidfd ? std::move(pidfd).value() : Fd());
    }
    FH_ASSIGN_OR_RETURN(const std::vector<pid_t> after, AllPids());
    KillMembers(before, pidfds, after);
    // The v1 freezer holds even SIGKILL back until it thaws; v2's lets it through.
    if (freezer >= 0) (void)WriteKernelFile(freezer, kFreezerState, "THAWED");
    for (const Fd& pidfd : pidfds) {
      if (pidfd.valid()) WaitUntil(pidfd.get(), POLLIN, deadline_ms);
    }
  }
}

// A memory cgroup that is removed with page cache to its name lives on in the kernel, unseen, until that is reclaimed, which may
// be never; thousands of them double what a launch takes, other programs' too (docs/performance.md). So the little that most runs
// leave is let go first. What is more may be an input that the next run reads again: it stays.
void RunCgroup::LetCacheGo() {
  const auto usage = Read();
  if (!usage || usage->memory_bytes > kCacheWorthKeeping) return;
  // Kernels before 5.19 have no such file on v2, and a v2 write says EAGAIN where less could be had than was asked for.
  if (version_ == CgroupVersion::kV2) {
    (void)WriteKernelFile(v2_dir_.get(), kMemoryReclaim, std::to_string(kCacheWorthKeeping));
  } else if (V1Dir("memory") >= 0) {
    (void)WriteKernelFile(V1Dir("memory"), kMemoryForceEmpty, "0");
  }
}

Result<void> RunCgroup::Remove() {
  LetCacheGo();
  const int64_t deadline_ms = NowMs() + kRemovePatienceMs;
  for (auto entry = paths_.begin(); entry != paths_.end(); entry = paths_.erase(entry)) {
    const std::string& path = entry->second;
    while (rmdir(path.c_str()) != 0) {
      const int error = errno;
      if (error == ENOENT) break;  // co-mounted with one that has gone, or somebody tidied up
      if (error != EBUSY || NowMs() >= deadline_ms) {
        const auto left = AllPids();
        const std::string holders = left && !left->empty() ? "; processes in it: " + ListOf(*left) : "";
        return ErrnoError(error, "remove cgroup " + Quoted(path) + holders);
      }
      if (entry->first == "v2") (void)WaitForEmpty(v2_dir_.get(), deadline_ms);
      // v1 has no event for it, and on v2 the last process leaves a moment after the event: one tick.
      const struct timespec tick {0, 1000000};
      (void)nanosleep(&tick, nullptr);
    }
  }
  return {};
}

}  // namespace fumehood
