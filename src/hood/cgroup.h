// RunCgroup: the cgroup around one run, on cgroup v2 or on v1 hierarchies, behind one face.
//
// Theory of operation. FindCgroupPlace looks, in the launching process, for a parent below which this user can make cgroups
// with the controllers that limits need, and says how it found it; it changes nothing. RunCgroup::Create, in the keeper, makes
// one cgroup per run (v1: one in each hierarchy); its limits are set and read back before the analysis is executed. The keeper
// itself stays outside. Nothing of the run is ever outside a limit:
//   * where join_fds() is not empty (v1), a short-lived spawner of ONE thread first writes "0" into each of them. They are
//     `tasks` files: for the writing thread itself the kernel takes no global lock, where cgroup.procs waits for a grace
//     period of 7-15 ms whenever launches are rare;
//   * where clone_fd() is not -1 (v2, and the v2 half of a hybrid host), the run's PID 1 is cloned by clone3 with
//     CLONE_INTO_CGROUP. On a hybrid host BOTH steps are needed.
//
// Through systemd. Where `needs_scope`, the launching program asks systemd for a scope around the keeper (systemd_scope.h) and
// hands its path to the keeper; EnterScope, in the keeper, moves the keeper into a leaf of the scope and makes it a place.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

enum class CgroupVersion { kNone, kV1, kV2 };

struct CgroupPlace {
  CgroupVersion version = CgroupVersion::kNone;
  std::string how;                                // "direct", "delegated", "systemd scope", "v1 hierarchies", or why there is none
  std::string v2_mount;                           // where the v2 hierarchy is mounted; empty where it is not
  std::string v2_parent;                          // absolute directory, made by the first Create
  std::map<std::string, std::string> v1_parents;  // controller -> absolute directory: memory, pids, cpu, cpuacct, freezer, blkio
  std::string v2_kill_parent;                     // hybrid hosts: a writable v2 directory without controllers, for cgroup.kill
  std::vector<std::string> controllers;           // of memory, cpu, pids: those that can be limited here
  std::map<std::string, std::string> missing;     // of memory, cpu, pids: controller -> why not, and what mends it
  bool needs_scope = false;                       // ask systemd for a scope (src/hood/systemd_scope.h) before Create
};

struct CgroupLimits {
  int64_t memory_bytes = 0;  // swap is not extra; 0: not limited
  double cpu_quota = 0;      // cores; 0: not limited
  int64_t pids_max = 0;      // 0: not limited
  bool background = false;   // gets the processors that nobody else wants
};

// Counters of the run, and of nothing else. What this kernel does not have stays empty.
struct CgroupUsage {
  double cpu_user_s = 0;
  double cpu_system_s = 0;
  double throttled_s = 0;
  int64_t memory_bytes = 0;
  std::optional<int64_t> memory_peak_bytes;
  std::optional<int64_t> pids;
  std::optional<int64_t> pids_peak;
  std::optional<int64_t> read_bytes;
  std::optional<int64_t> written_bytes;
  int64_t oom_kills = 0;  // processes killed for memory; v1: or out-of-memory situations seen, when more
  // Times that the memory limit was met. New kernels do not count on v1: there it is at least the out-of-memory situations, and
  // 1 where the peak reached the limit. On v1 a system call that needs memory then may fail (ENOMEM, EFAULT) without an event.
  int64_t memory_limit_hits = 0;
  int64_t pids_limit_hits = 0;  // forks refused
};

// `preferred_parent`: from the configuration, may be empty; an absolute directory in the v2 hierarchy, or a cgroup's path below
// the mount of each hierarchy. Never fails for want of cgroups: that is a place with kNone and the reasons. `root`: "/" but
// for tests, which hand in a fake tree with proc/self/cgroup, proc/self/mountinfo, sys/fs/cgroup.
Result<CgroupPlace> FindCgroupPlace(const std::string& preferred_parent, const std::string& root = "/");

// `place` with its runs in the scope that systemd answered (its path below the v2 mount, as StartScope returns it).
CgroupPlace PlaceInScope(const CgroupPlace& place, const std::string& scope_path);
// The same, in the keeper, which systemd has put into the scope: moves the caller into the leaf `keeper` beneath it, since only
// a cgroup without processes can hand controllers on, and enables them.
Result<CgroupPlace> EnterScope(const CgroupPlace& place, const std::string& scope_path);

class RunCgroup {
 public:
  // Makes the cgroup(s) called `name`, without limits. An error leaves nothing behind. `name` is one path component.
  static Result<RunCgroup> Create(const CgroupPlace& place, const std::string& name);
  // The same, and then SetLimits.
  static Result<RunCgroup> Create(const CgroupPlace& place, const std::string& name, const CgroupLimits& limits);
  // Sets the limits and reads each back, before anything of the run is inside. Controllers of `limits` that the place lacks are
  // an error (kUnsupported), naming them.
  Result<void> SetLimits(const CgroupLimits& limits);
  // Of a run whose keeper has gone: what is there of it, to be killed and removed. Empty when nothing is.
  static Result<std::optional<RunCgroup>> Find(const CgroupPlace& place, const std::string& name);

  RunCgroup(RunCgroup&&) noexcept = default;
  RunCgroup& operator=(RunCgroup&&) noexcept = default;

  CgroupVersion version() const { return version_; }
  // For CLONE_INTO_CGROUP: v2, and the v2 half of a hybrid host; else -1.
  int clone_fd() const;
  // v1: open `tasks` files, one a hierarchy, for a single-threaded spawner to write "0" into; empty on v2.
  const std::vector<Fd>& join_fds() const { return join_fds_; }
  // Where clone3 is denied (an outer seccomp filter): cgroup.procs of the v2 half, for the spawner to write "0" into. Slower.
  Result<Fd> OpenV2Procs() const;
  const std::vector<std::string>& limited() const { return limited_; }  // controllers with a limit, as read back
  // The run's directory in each hierarchy: "v2" or the v1 controller -> absolute path. For the record and for `inspect`.
  const std::map<std::string, std::string>& paths() const { return paths_; }

  // Wakes a poll: POLLPRI where `priority`, POLLIN else. -1 where there is nothing to wait for.
  struct WakeFd {
    int fd = -1;
    bool priority = false;
  };
  WakeFd memory_events() const;  // limit reached or out of memory; re-armed by Read
  WakeFd pids_events() const;  // a fork was refused; on v1 kernels since 6.11 count in silence: look at Read

  // Cheap enough for once a second; re-arms both wake-ups.
  Result<CgroupUsage> Read();
  Result<std::vector<pid_t>> Pids() const;  // as the keeper's pid namespace numbers them
  // Out of memory on v1 does not kill (the OOM killer is off in the run's cgroup, so that no random child dies alone): the
  // keeper gets the event, looks who was largest, and ends the run. On v2 memory.oom.group has killed them all by then.
  bool keeper_must_end_run_on_oom() const { return version_ == CgroupVersion::kV1; }

  // On return nothing in it is alive, also of processes forked during the call. An error (kUnavailable) names the processes
  // that the kernel could not end in 10 s (waiting for a dead disk or file server); calling it again goes on waiting.
  Result<void> KillAll();
  // After KillAll. Repeating it is harmless.
  Result<void> Remove();

 private:
  RunCgroup() = default;
  // Makes the run's directory below `parent` in one hierarchy and opens it.
  Result<Fd> MakeDirectory(const std::string& parent, CgroupVersion version);
  Result<Fd> MakeInNewParent(const std::string& parent) const;
  Result<void> CreateV2(const std::string& parent);
  Result<void> CreateV1(const CgroupPlace& place);
  Result<void> LimitV2(const CgroupLimits& limits);
  Result<void> TryLimitV2(const CgroupLimits& limits);
  Result<void> LimitV1(const CgroupLimits& limits);
  Result<void> LimitMemoryV1(int64_t bytes);
  Result<void> ListenForOom();
  void ReadV2(CgroupUsage& usage) const;
  void ReadV1(CgroupUsage& usage);
  Result<std::vector<pid_t>> AllPids() const;
  Result<void> KillByPids(int64_t deadline_ms);
  void LetCacheGo();
  int V1Dir(const std::string& controller) const;  // -1 where the run has none
  const std::string& PathOf(const std::string& hierarchy) const { return paths_.at(hierarchy); }

  CgroupVersion version_ = CgroupVersion::kNone;
  CgroupPlace place_;
  std::string name_;
  Fd v2_dir_;                          // v2, or the kill-only directory of a hybrid host
  std::map<std::string, Fd> v1_dirs_;  // absolute path -> directory: one for all co-mounted controllers
  std::map<std::string, std::string> paths_;
  std::vector<Fd> join_fds_;
  std::vector<std::string> limited_;
  Fd memory_events_;        // v2: memory.events; v1: an eventfd
  Fd pids_events_;
  int64_t oom_events_ = 0;  // v1: how often the eventfd was signalled
};

}  // namespace fumehood
