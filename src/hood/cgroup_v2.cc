// RunCgroup on v2: one directory, its limits, its counters; and the way into a scope of systemd.
#include <fcntl.h>

#include <cmath>
#include <string_view>

#include "src/base/text.h"
#include "src/hood/cgroup.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr char kMemoryMax[] = "memory.max";
constexpr char kMemorySwapMax[] = "memory.swap.max";
constexpr char kMemoryOomGroup[] = "memory.oom.group";
constexpr char kMemoryEvents[] = "memory.events";
constexpr char kCpuMax[] = "cpu.max";
constexpr char kCpuWeight[] = "cpu.weight";
constexpr char kKeeperLeaf[] = "keeper";

// The parent of runs may be there without handing on what runs need: nobody has made it yet, or who did so was killed midway.
Result<void> PrepareParent(const std::string& parent) {
  const std::string base = ParentPath(parent);
  FH_ASSIGN_OR_RETURN(const Fd base_dir, OpenDir(kHere, base));
  FH_TRY(RequireCgroupFs(base_dir.get(), CgroupVersion::kV2, base));
  // May fail where somebody's processes sit in the base: no hindrance if it hands on already what the limits need.
  const Result<void> base_hands_on = HandOnControllers({base_dir.get(), base});
  const Result<void> made = MakeDir(kHere, parent, 0755);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, parent));
  FH_TRY(HandOnControllers({dir.get(), parent}));
  return base_hands_on;
}

bool IsNotFound(const Result<void>& result) { return !result && result.error().code() == ErrorCode::kNotFound; }

// Sums of "MAJOR:MINOR rbytes=1 wbytes=2 ..." over all devices.
void ReadIoStat(const std::string& text, CgroupUsage& usage) {
  int64_t read = 0;
  int64_t written = 0;
  for (const std::string& word : SplitWords(text)) {
    if (word.rfind("rbytes=", 0) == 0) read += std::strtoll(word.c_str() + 7, nullptr, 10);
    if (word.rfind("wbytes=", 0) == 0) written += std::strtoll(word.c_str() + 7, nullptr, 10);
  }
  usage.read_bytes = read;
  usage.written_bytes = written;
}

double Seconds(std::optional<int64_t> microseconds) { return static_cast<double>(microseconds.value_or(0)) / 1e6; }

}  // namespace

namespace {

// Of one that was never in the background it is what the kernel gave. No limit: nothing rests on it.
void SetWeight(const CgroupDir& dir, bool background) {
  constexpr int64_t kLeast = 1;
  constexpr int64_t kUsual = 100;
  if (!background && FindNumber(dir.fd, kCpuWeight) != kLeast) return;
  (void)WriteKernelFile(dir.fd, kCpuWeight, std::to_string(background ? kLeast : kUsual));
}

}  // namespace

Result<void> RunCgroup::CreateV2(const std::string& parent) {
  FH_ASSIGN_OR_RETURN(v2_dir_, MakeDirectory(parent, CgroupVersion::kV2));
  paths_["v2"] = JoinPath(parent, name_);
  return {};
}

Result<void> RunCgroup::LimitV2(const CgroupLimits& limits) {
  Result<void> limited = TryLimitV2(limits);
  // The parent is nearly always ready; that it is not shows when a limit's file is missing.
  if (IsNotFound(limited)) {
    Result<void> prepared = PrepareParent(place_.v2_parent);
    limited = TryLimitV2(limits);
    // Only then does it matter: what could not be handed on may have been nothing but I/O counters.
    if (IsNotFound(limited)) FH_TRY(std::move(prepared));
  }
  FH_TRY(std::move(limited));
  // Reading once arms the wake-up: a file that was never read counts as changed.
  memory_events_ = Fd(openat(v2_dir_.get(), kMemoryEvents, O_RDONLY | O_CLOEXEC));
  if (memory_events_.valid()) (void)Reread(memory_events_);
  pids_events_ = Fd(openat(v2_dir_.get(), kPidsEvents, O_RDONLY | O_CLOEXEC));
  if (pids_events_.valid()) (void)Reread(pids_events_);
  return {};
}

Result<void> RunCgroup::TryLimitV2(const CgroupLimits& limits) {
  const CgroupDir dir{v2_dir_.get(), PathOf("v2")};
  limited_.clear();
  if (limits.memory_bytes > 0) {
    FH_TRY(SetBytes(dir, kMemoryMax, limits.memory_bytes));
    const Result<void> no_swap = SetText(dir, kMemorySwapMax, "0");
    if (!no_swap && !IsNotFound(no_swap)) return no_swap.error();  // a kernel without swap accounting has no such file
    FH_TRY(SetText(dir, kMemoryOomGroup, "1"));
    limited_.emplace_back("memory");
  }
  if (limits.cpu_quota > 0) {
    SetWeight(dir, limits.background);
    const int64_t quota = std::llround(limits.cpu_quota * static_cast<double>(kCpuPeriodUs));
    FH_TRY(SetText(dir, kCpuMax, std::to_string(quota) + " " + std::to_string(kCpuPeriodUs)));
    limited_.emplace_back("cpu");
  }
  if (limits.pids_max > 0) {
    FH_TRY(SetText(dir, kPidsMax, std::to_string(limits.pids_max)));
    limited_.emplace_back("pids");
  }
  return {};
}

void RunCgroup::ReadV2(CgroupUsage& usage) const {
  const int dir = v2_dir_.get();
  const std::string cpu = FindText(dir, kCpuStat).value_or("");
  usage.cpu_user_s = Seconds(ValueOf(cpu, "user_usec"));
  usage.cpu_system_s = Seconds(ValueOf(cpu, "system_usec"));
  usage.throttled_s = Seconds(ValueOf(cpu, "throttled_usec"));
  usage.memory_bytes = FindNumber(dir, "memory.current").value_or(0);
  usage.memory_peak_bytes = FindNumber(dir, "memory.peak");
  usage.pids = FindNumber(dir, "pids.current");
  usage.pids_peak = FindNumber(dir, "pids.peak");
  if (const auto io = FindFile(dir, "io.stat"); io && io->has_value()) ReadIoStat(**io, usage);
  const std::string memory = memory_events_.valid() ? Reread(memory_events_) : FindText(dir, kMemoryEvents).value_or("");
  usage.oom_kills = ValueOf(memory, "oom_kill").value_or(0);
  usage.memory_limit_hits = ValueOf(memory, "max").value_or(0);
  const std::string pids = pids_events_.valid() ? Reread(pids_events_) : FindText(dir, kPidsEvents).value_or("");
  usage.pids_limit_hits = ValueOf(pids, "max").value_or(0);
}

CgroupPlace PlaceInScope(const CgroupPlace& place, const std::string& scope_path) {
  CgroupPlace inside = place;
  inside.v2_parent = JoinPath(place.v2_mount, scope_path);
  inside.needs_scope = false;
  return inside;
}

Result<CgroupPlace> EnterScope(const CgroupPlace& place, const std::string& scope_path) {
  if (scope_path.size() < 2 || scope_path[0] != '/' || HasWord(Split(scope_path, '/'), "..")) {
    return Error(ErrorCode::kInvalidArgument, "systemd named " + Quoted(scope_path) + " as a scope's cgroup, which is no such path");
  }
  CgroupPlace inside = PlaceInScope(place, scope_path);
  FH_ASSIGN_OR_RETURN(const Fd scope, OpenDir(kHere, inside.v2_parent));
  FH_TRY(RequireCgroupFs(scope.get(), CgroupVersion::kV2, inside.v2_parent));
  const Result<void> made = MakeDir(scope.get(), kKeeperLeaf, 0755);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return Error(made.error()).Within("in " + Quoted(inside.v2_parent));
  const Result<void> moved = WriteKernelFile(scope.get(), JoinPath(kKeeperLeaf, kProcs), "0");
  if (!moved) return Error(moved.error()).Within("move the keeper within " + Quoted(inside.v2_parent));
  FH_TRY(HandOnControllers({scope.get(), inside.v2_parent}));
  const std::vector<std::string> handed_on = ReadWords(scope.get(), kSubtreeControl);
  std::erase_if(inside.controllers, [&](const std::string& controller) {
    if (HasWord(handed_on, controller)) return false;
    inside.missing[controller] = "systemd did not hand it on to " + Quoted(inside.v2_parent);
    return true;
  });
  return inside;
}

}  // namespace fumehood
