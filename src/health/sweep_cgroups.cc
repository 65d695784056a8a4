#include "src/health/sweep_cgroups.h"

#include <optional>
#include <set>

#include <fmt/format.h>

#include "src/base/ulid.h"
#include "src/executor/local/recover.h"
#include "src/hood/cgroup.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

std::set<std::string> ParentsOf(const CgroupPlace& place) {
  std::set<std::string> parents = {place.v2_parent, place.v2_kill_parent};
  for (const auto& [controller, parent] : place.v1_parents) parents.insert(parent);
  parents.erase("");
  return parents;
}

// Of a run or a staged run that is called like its cgroup.
std::optional<KeeperHandle> HandleOf(const Config& config, const std::string& name) {
  for (const char* folder : {layout::kRuns, layout::kStaging}) {
    const auto dir = OpenDir(kHere, fmt::format("{}/{}/{}", config.state_dir, folder, name));
    const auto handle = dir ? ReadKeeperHandle(dir->get()) : Result<KeeperHandle>(dir.error());
    if (handle) return *handle;
  }
  return std::nullopt;
}

Result<bool> IsAbandoned(const Config& config, const std::string& name) {
  const auto handle = HandleOf(config, name);
  if (!handle) return false;  // of another state directory, which shares the parent
  FH_ASSIGN_OR_RETURN(const Fd keeper, FindByIdentity(handle->process));
  return !keeper.valid();
}

Result<void> Remove(const CgroupPlace& place, const std::string& name) {
  FH_ASSIGN_OR_RETURN(auto cgroup, RunCgroup::Find(place, name));
  if (!cgroup) return {};
  FH_TRY(cgroup->KillAll());
  return cgroup->Remove();
}

}  // namespace

Result<std::vector<std::string>> SweepCgroups(const Config& config, bool dry_run) {
  FH_ASSIGN_OR_RETURN(const CgroupPlace place, FindCgroupPlace(config.cgroup_parent));
  std::set<std::string> swept;
  for (const std::string& parent : ParentsOf(place)) {
    const auto dir = OpenDir(kHere, parent);
    if (!dir) continue;  // no run has been there yet
    FH_ASSIGN_OR_RETURN(const auto entries, ListDir(dir->get()));
    for (const DirEntry& entry : entries) {
      if (!IsRunId(entry.name) || swept.contains(entry.name)) continue;
      FH_ASSIGN_OR_RETURN(const bool abandoned, IsAbandoned(config, entry.name));
      if (!abandoned) continue;
      if (!dry_run) FH_TRY(Remove(place, entry.name));
      swept.insert(entry.name);
    }
  }
  return std::vector<std::string>(swept.begin(), swept.end());
}

}  // namespace fumehood
