#include "src/engine/budget.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "src/hood/cgroup.h"
#include "src/spec/limits.h"
#include "src/sys/file.h"
#include "src/sys/host_capacity.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;
constexpr int64_t kMilli = 1000;

int64_t NumberIn(const std::string& path, int64_t otherwise) {
  const auto text = ReadFile(kHere, path);
  int64_t number = otherwise;
  if (text) (void)std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

int64_t ShareOf(int64_t whole, double share) { return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(whole) * share)); }

// Of the control group that runs are made in, and of those around it.
int64_t MemoryAllowedMb(const CgroupPlace& place) {
  const auto v1 = place.v1_parents.find("memory");
  std::string directory = v1 != place.v1_parents.end() ? v1->second : place.v2_parent;
  const char* file = v1 != place.v1_parents.end() ? "memory.limit_in_bytes" : "memory.max";
  int64_t least = std::numeric_limits<int64_t>::max();
  for (; directory.size() > 1; directory.resize(std::max<size_t>(1, directory.rfind('/')))) {
    least = std::min(least, NumberIn(directory + "/" + file, std::numeric_limits<int64_t>::max()));
  }
  return least / kMiB;
}

int64_t MilliOf(double cores) { return static_cast<int64_t>(std::ceil(cores * kMilli)); }

struct Kind {
  const char* field;                 // of the spec
  const char* setting;               // of the configuration
  const char* what;
  int64_t Demand::*amount;
};
constexpr Kind kKinds[] = {{"memory_limit_mb", "budget_memory_mb", "MiB of memory", &Demand::memory_mb},
                           {"cpu_quota", "budget_cpus", "cores", &Demand::cpu_milli},
                           {"pids_limit", "budget_pids", "processes", &Demand::pids},
                           {"disk_limit_mb", "budget_disk_mb", "MiB of disk", &Demand::disk_mb}};

bool IsAsked(const AnalysisSpec& spec, const Kind& kind) {
  if (kind.amount == &Demand::memory_mb) return spec.memory_limit_mb.has_value() || spec.memory_plan.has_value();
  if (kind.amount == &Demand::cpu_milli) return spec.cpu_quota.has_value();
  if (kind.amount == &Demand::pids) return spec.pids_limit.has_value();
  return spec.disk_limit_mb.has_value();
}

std::string Shown(const Kind& kind, int64_t amount) {
  if (kind.amount == &Demand::cpu_milli) return fmt::format("{:g}", static_cast<double>(amount) / kMilli);
  return fmt::format("{}", amount);
}

std::string ShownWith(const Kind& kind, int64_t amount) {
  const bool one = kind.amount == &Demand::cpu_milli && amount == kMilli;
  return one ? "1 core" : Shown(kind, amount) + " " + kind.what;
}

}  // namespace

Result<Budget> HostBudget(const Config& config) {
  Budget budget;
  const double share = config.budget_share;
  if (config.budget_memory_mb > 0) {
    budget.memory_mb = config.budget_memory_mb;
  } else {
    FH_ASSIGN_OR_RETURN(const CgroupPlace place, FindCgroupPlace(config.cgroup_parent));
    budget.memory_mb = ShareOf(std::min(MachineMemoryMb(), MemoryAllowedMb(place)), share);
  }
  // A core is given whole: of two a share of 0.9 would leave one and a half idle.
  budget.cpu_milli = config.budget_cpus > 0 ? MilliOf(config.budget_cpus) : Processors() * kMilli;
  const int64_t most = std::min(NumberIn("/proc/sys/kernel/pid_max", 32768), NumberIn("/proc/sys/kernel/threads-max", 32768));
  budget.pids = config.budget_pids > 0 ? config.budget_pids : ShareOf(most, share);
  budget.disk_mb = config.budget_disk_mb > 0 ? config.budget_disk_mb : ShareOf(FreeDiskMb(config.state_dir), share);
  return budget;
}

Ask AskOf(const AnalysisSpec& spec, const Config& config) {
  const Limits limits = ResolveLimits(spec, config);
  Ask ask;
  ask.demand = {limits.memory_limit_mb, MilliOf(limits.cpu_quota), limits.pids_limit, limits.disk_limit_mb};
  for (const Kind& kind : kKinds) ask.firm.*kind.amount = IsAsked(spec, kind) ? ask.demand.*kind.amount : 0;
  return ask;
}

Demand Within(const Ask& ask, const Budget& budget) {
  Demand demand = ask.demand;
  for (const Kind& kind : kKinds) demand.*kind.amount = std::min(demand.*kind.amount, std::max(budget.*kind.amount, ask.firm.*kind.amount));
  return demand;
}

Result<void> CheckEverFits(const Ask& ask, const Budget& budget) {
  std::vector<Problem> problems;
  for (const Kind& kind : kKinds) {
    const int64_t wanted = ask.firm.*kind.amount;
    const int64_t most = budget.*kind.amount;
    if (wanted <= most) continue;
    problems.push_back({kind.field,
                        fmt::format("is {}; this host has {} for all runs together, so it could never start (unschedulable). Ask for less, or "
                                    "raise {} in fumehood.toml where the host has more to give", Shown(kind, wanted), ShownWith(kind, most),
                                    kind.setting),
                        "", 0, 0});
  }
  if (!problems.empty()) return Error("the spec asks for more than this host has", std::move(problems));
  return {};
}

bool Fits(const Demand& demand, const Demand& room) {
  return std::all_of(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) { return demand.*kind.amount <= room.*kind.amount; });
}

Demand Plus(const Demand& a, const Demand& b) {
  return {a.memory_mb + b.memory_mb, a.cpu_milli + b.cpu_milli, a.pids + b.pids, a.disk_mb + b.disk_mb};
}

Demand Minus(const Demand& a, const Demand& b) {
  return {a.memory_mb - b.memory_mb, a.cpu_milli - b.cpu_milli, a.pids - b.pids, a.disk_mb - b.disk_mb};
}

Demand Sum(const std::vector<Reservation>& held) {
  Demand sum;
  for (const Reservation& reservation : held) sum = Plus(sum, reservation.demand);
  return sum;
}

std::string WhyNot(const Demand& demand, const Budget& budget, const Demand& taken) {
  for (const Kind& kind : kKinds) {
    const int64_t free = budget.*kind.amount - taken.*kind.amount;
    if (demand.*kind.amount <= free) continue;
    return fmt::format("needs {}; of {}, {} free", ShownWith(kind, demand.*kind.amount), ShownWith(kind, budget.*kind.amount),
                       free > 0 ? Shown(kind, free) : "none");
  }
  return "";
}

}  // namespace fumehood
