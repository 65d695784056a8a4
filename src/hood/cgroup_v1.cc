// RunCgroup on v1 hierarchies: one directory in each, entered through `tasks`, with the OOM killer off.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "src/base/text.h"
#include "src/hood/cgroup.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr char kMemoryLimit[] = "memory.limit_in_bytes";
constexpr char kMemorySwapLimit[] = "memory.memsw.limit_in_bytes";
constexpr char kMemorySwappiness[] = "memory.swappiness";
constexpr char kOomControl[] = "memory.oom_control";
constexpr char kEventControl[] = "cgroup.event_control";
constexpr char kCpuShares[] = "cpu.shares";
constexpr char kCfsPeriod[] = "cpu.cfs_period_us";
constexpr char kCfsQuota[] = "cpu.cfs_quota_us";
constexpr char kBlkioBytes[] = "blkio.throttle.io_service_bytes_recursive";

double NanosecondsAsSeconds(std::optional<int64_t> nanoseconds) { return static_cast<double>(nanoseconds.value_or(0)) / 1e9; }

// Lines "MAJOR:MINOR Read BYTES", "MAJOR:MINOR Write BYTES", other operations, and a line "Total BYTES".
void ReadBlkioBytes(const std::string& text, CgroupUsage& usage) {
  int64_t read = 0;
  int64_t written = 0;
  for (const std::string& line : Split(text, '\n')) {
    const std::vector<std::string> words = SplitWords(line);
    if (words.size() != 3) continue;
    if (words[1] == "Read") read += std::strtoll(words[2].c_str(), nullptr, 10);
    if (words[1] == "Write") written += std::strtoll(words[2].c_str(), nullptr, 10);
  }
  usage.read_bytes = read;
  usage.written_bytes = written;
}

}  // namespace

namespace {

// Of one that was never in the background they are what the kernel gave. No limit: nothing rests on it.
void SetShares(const CgroupDir& dir, bool background) {
  constexpr int64_t kFewest = 2;
  constexpr int64_t kUsual = 1024;
  if (!background && FindNumber(dir.fd, kCpuShares) != kFewest) return;
  (void)WriteKernelFile(dir.fd, kCpuShares, std::to_string(background ? kFewest : kUsual));
}

}  // namespace

Result<void> RunCgroup::CreateV1(const CgroupPlace& place) {
  for (const auto& [controller, parent] : place.v1_parents) {
    const std::string path = JoinPath(parent, name_);
    if (v1_dirs_.count(path) == 0) {  // else co-mounted with one that was made already
      FH_ASSIGN_OR_RETURN(Fd dir, MakeDirectory(parent, CgroupVersion::kV1));
      const int raw = dir.get();
      v1_dirs_[path] = std::move(dir);
      paths_[controller] = path;
      auto tasks = OpenAt(raw, kTasks, O_WRONLY);
      if (!tasks) return std::move(tasks).error().Within("in " + Quoted(path));
      join_fds_.push_back(std::move(tasks).value());
    }
    paths_[controller] = path;
  }
  if (!place.v2_kill_parent.empty()) {
    FH_ASSIGN_OR_RETURN(v2_dir_, MakeDirectory(place.v2_kill_parent, CgroupVersion::kV2));
    paths_["v2"] = JoinPath(place.v2_kill_parent, name_);
  }
  return {};
}

Result<void> RunCgroup::LimitV1(const CgroupLimits& limits) {
  limited_.clear();
  if (limits.memory_bytes > 0) FH_TRY(LimitMemoryV1(limits.memory_bytes));
  if (limits.cpu_quota > 0) {
    const CgroupDir dir{V1Dir("cpu"), PathOf("cpu")};
    SetShares(dir, limits.background);
    FH_TRY(SetText(dir, kCfsPeriod, std::to_string(kCpuPeriodUs)));
    FH_TRY(SetText(dir, kCfsQuota, std::to_string(std::llround(limits.cpu_quota * static_cast<double>(kCpuPeriodUs)))));
    limited_.emplace_back("cpu");
  }
  if (limits.pids_max > 0) {
    FH_TRY(SetText({V1Dir("pids"), PathOf("pids")}, kPidsMax, std::to_string(limits.pids_max)));
    limited_.emplace_back("pids");
  }
  if (V1Dir("pids") >= 0) {
    pids_events_ = Fd(openat(V1Dir("pids"), kPidsEvents, O_RDONLY | O_CLOEXEC));
    // Reading once arms the wake-up: a file that was never read counts as changed.
    if (pids_events_.valid()) (void)Reread(pids_events_);
  }
  return {};
}

Result<void> RunCgroup::LimitMemoryV1(int64_t bytes) {
  const CgroupDir dir{V1Dir("memory"), PathOf("memory")};
  // This order: memory and swap together may never be less than memory alone, and both start unlimited. Where a lower limit is in
  // force already (src/keeper/box.h, a warm box) they are raised in the other.
  if (FindNumber(dir.fd, kMemorySwapLimit).value_or(bytes) < bytes) FH_TRY(SetBytes(dir, kMemorySwapLimit, bytes));
  FH_TRY(SetBytes(dir, kMemoryLimit, bytes));
  const Result<void> with_swap = SetBytes(dir, kMemorySwapLimit, bytes);
  if (!with_swap) {
    if (with_swap.error().code() != ErrorCode::kNotFound) return with_swap.error();
    // No swap accounting in this kernel: swap would be extra, so the run gets none.
    FH_TRY(SetText(dir, kMemorySwappiness, "0"));
  }
  FH_TRY(ListenForOom());
  limited_.emplace_back("memory");
  return {};
}

// The keeper learns of an out-of-memory situation through an eventfd, and the kernel's killer of single processes is switched
// off. A kernel without that switch kills one itself; the keeper, woken all the same, ends the rest.
Result<void> RunCgroup::ListenForOom() {
  const std::string& path = PathOf("memory");
  const int dir = V1Dir("memory");
  FH_ASSIGN_OR_RETURN(const Fd control, OpenAt(dir, kOomControl, O_RDONLY));
  memory_events_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!memory_events_.valid()) {
    const int error = errno;
    return ErrnoError(error, "eventfd");
  }
  const std::string registration = std::to_string(memory_events_.get()) + " " + std::to_string(control.get());
  auto listening = WriteKernelFile(dir, kEventControl, registration);
  if (!listening) return std::move(listening).error().Within("listen for out-of-memory in " + Quoted(path));
  (void)WriteKernelFile(dir, kOomControl, "1");  // refused by kernels that no longer have it: see above
  return {};
}

void RunCgroup::ReadV1(CgroupUsage& usage) {
  const int memory = V1Dir("memory");
  const int pids = V1Dir("pids");
  const std::string cpu = FindText(V1Dir("cpu"), kCpuStat).value_or("");
  usage.throttled_s = NanosecondsAsSeconds(ValueOf(cpu, "throttled_time"));
  if (v2_dir_.valid()) {
    const std::string both = FindText(v2_dir_.get(), kCpuStat).value_or("");
    usage.cpu_user_s = static_cast<double>(ValueOf(both, "user_usec").value_or(0)) / 1e6;
    usage.cpu_system_s = static_cast<double>(ValueOf(both, "system_usec").value_or(0)) / 1e6;
  } else {
    usage.cpu_user_s = NanosecondsAsSeconds(FindNumber(V1Dir("cpuacct"), "cpuacct.usage_user"));
    usage.cpu_system_s = NanosecondsAsSeconds(FindNumber(V1Dir("cpuacct"), "cpuacct.usage_sys"));
  }
  usage.memory_bytes = FindNumber(memory, "memory.usage_in_bytes").value_or(0);
  usage.memory_peak_bytes = FindNumber(memory, "memory.max_usage_in_bytes");
  usage.pids = FindNumber(pids, "pids.current");
  usage.pids_peak = FindNumber(pids, "pids.peak");
  if (const auto io = FindFile(V1Dir("blkio"), kBlkioBytes); io && io->has_value()) ReadBlkioBytes(**io, usage);

  uint64_t signalled = 0;
  if (memory_events_.valid() && read(memory_events_.get(), &signalled, sizeof signalled) == sizeof signalled) {
    oom_events_ += static_cast<int64_t>(signalled);
  }
  const std::string oom = FindText(memory, kOomControl).value_or("");
  usage.oom_kills = std::max(oom_events_, ValueOf(oom, "oom_kill").value_or(0));
  // With swap accounting the sum fails first. New kernels leave both counters at 0.
  const int64_t failures = FindNumber(memory, "memory.failcnt").value_or(0) + FindNumber(memory, "memory.memsw.failcnt").value_or(0);
  usage.memory_limit_hits = std::max(failures, oom_events_);
  const auto limit = FindNumber(memory, kMemoryLimit);
  if (usage.memory_limit_hits == 0 && limit && usage.memory_peak_bytes >= limit) usage.memory_limit_hits = 1;
  const std::string refused = pids_events_.valid() ? Reread(pids_events_) : FindText(pids, kPidsEvents).value_or("");
  usage.pids_limit_hits = ValueOf(refused, "max").value_or(0);
}

}  // namespace fumehood
