#include "src/health/sweep_runtimes.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/executor/local/recover.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/runtime/build_directory.h"
#include "src/runtime/catalog.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

bool IsBuiltIn(const std::string& name) {
  const auto built_in = BuiltInRuntimes();
  return std::any_of(built_in.begin(), built_in.end(), [&](const CatalogEntry& entry) { return entry.name == name; });
}

Result<bool> HasEntry(const Catalog& catalog, const std::string& name) {
  FH_ASSIGN_OR_RETURN(const auto entry, FindStat(kHere, catalog.PathOf(name) + "/entry.json", false));
  return entry.has_value();
}

// Relative to <state>/runtimes.
Result<std::vector<std::string>> LeftOf(const Catalog& catalog, const std::string& name) {
  std::vector<std::string> left;
  FH_ASSIGN_OR_RETURN(const bool has_entry, HasEntry(catalog, name));
  if (!has_entry && !IsBuiltIn(name)) return std::vector<std::string>{name};
  if (has_entry) {
    FH_ASSIGN_OR_RETURN(left, FindAbandonedBuilds(catalog, name));
  } else {  // the last check of a built-in one is kept there, in files
    FH_ASSIGN_OR_RETURN(const Fd own, OpenDir(kHere, catalog.PathOf(name)));
    FH_ASSIGN_OR_RETURN(const auto entries, ListDir(own.get()));
    for (const DirEntry& entry : entries) {
      if (entry.type == DT_DIR) left.push_back(entry.name);
    }
  }
  for (std::string& path : left) path.insert(0, name + "/");
  return left;
}

Result<void> Remove(const Fd& runtimes, const std::string& path) {
  const size_t slash = path.find('/');
  if (slash == std::string::npos) {
    auto removed = RemoveTree(runtimes.get(), path);
    return removed ? Result<void>() : Result<void>(std::move(removed).error());
  }
  FH_ASSIGN_OR_RETURN(const Fd own, OpenBeneath(runtimes.get(), path.substr(0, slash), O_RDONLY | O_DIRECTORY));
  auto removed = RemoveTree(own.get(), path.substr(slash + 1));
  return removed ? Result<void>() : Result<void>(std::move(removed).error());
}

// True: nothing of its runs lives. A keeper that has gone may have left processes, which are ended.
Result<bool> IsOver(const Fd& trial, bool dry_run) {
  for (const char* place : {"state/runs", "state/staging"}) {
    const auto runs = OpenBeneath(trial.get(), place, O_RDONLY | O_DIRECTORY);
    if (!runs) continue;  // it never came so far
    FH_ASSIGN_OR_RETURN(const auto entries, ListDir(runs->get()));
    for (const DirEntry& entry : entries) {
      const auto run = OpenBeneath(runs->get(), entry.name, O_RDONLY | O_DIRECTORY);
      const auto handle = run ? ReadKeeperHandle(run->get()) : Result<KeeperHandle>(run.error());
      if (!handle) continue;
      FH_ASSIGN_OR_RETURN(const Fd keeper, FindByIdentity(handle->process));
      if (keeper.valid()) return false;
      if (!dry_run) FH_TRY(EndWhatIsLeft(*handle));
    }
  }
  return true;
}

}  // namespace

Result<std::vector<std::string>> SweepRuntimes(const Config& config, bool dry_run) {
  std::vector<std::string> swept;
  const auto runtimes = OpenDir(kHere, config.state_dir + "/runtimes");
  if (!runtimes) return swept;  // none yet
  const Catalog catalog(config.state_dir);
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(runtimes->get()));
  for (const DirEntry& entry : entries) {
    if (!IsRuntimeName(entry.name)) continue;
    FH_ASSIGN_OR_RETURN(const Fd lock, catalog.FindLock(entry.name));
    if (!lock.valid()) continue;  // it is being made, checked or removed
    FH_ASSIGN_OR_RETURN(const auto left, LeftOf(catalog, entry.name));
    for (const std::string& path : left) {
      if (!dry_run) FH_TRY(Remove(*runtimes, path));
      swept.push_back("runtimes/" + path);
    }
  }
  return swept;
}

Result<std::vector<std::string>> SweepTrials(const Config& config, bool dry_run) {
  std::vector<std::string> swept;
  constexpr std::string_view kTrial = "trial-";
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, config.state_dir));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(state.get()));
  for (const DirEntry& entry : entries) {
    if (!entry.name.starts_with(kTrial) || !IsRunId(entry.name.substr(kTrial.size()))) continue;
    const auto trial = OpenBeneath(state.get(), entry.name, O_RDONLY | O_DIRECTORY);
    if (!trial) continue;  // its program has just removed it
    FH_ASSIGN_OR_RETURN(const bool abandoned, TryLockExclusive(trial->get()));
    if (!abandoned) continue;
    FH_ASSIGN_OR_RETURN(const bool over, IsOver(*trial, dry_run));
    if (!over) continue;
    if (!dry_run) {
      auto removed = RemoveTree(state.get(), entry.name);
      if (!removed) return std::move(removed).error();
    }
    swept.push_back(entry.name);
  }
  return swept;
}

}  // namespace fumehood
