#include "src/health/collect_garbage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/executor/local/recover.h"
#include "src/health/abandoned_stages.h"
#include "src/health/sweep_cgroups.h"
#include "src/health/sweep_runtimes.h"
#include "src/record/change_log.h"
#include "src/keeper/parking_place.h"
#include "src/record/event_log.h"
#include "src/record/list_runs.h"
#include "src/record/outputs.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/record/verify.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

// A run under removal carries this before its id: it is no run any more, and a removal that was cut short is gone on with.
constexpr std::string_view kRemoving = "removing-";
constexpr int64_t kMostInodes = 10'000'000;

std::string ChainHead(const RunDir& run) {
  const auto events = ReadFile(run.fd.get(), layout::kEvents);
  return events ? VerifyChain(*events).head : "";
}

class Collector {
 public:
  Collector(const Config& config, const GarbageRules& rules) : config_(config), rules_(rules) {}

  Result<GarbageReport> Run() {
    FH_ASSIGN_OR_RETURN(const auto state, FindStat(kHere, config_.state_dir, true));
    if (!state) return report_;
    FH_ASSIGN_OR_RETURN(state_, OpenDir(kHere, config_.state_dir));
    FH_ASSIGN_OR_RETURN(runs_, OpenRunsDir(config_.state_dir));
    if (!rules_.dry_run) {
      FH_ASSIGN_OR_RETURN(log_, EventLog::Open(state_.get()));  // its lock keeps a second collector out
    }
    SweepHalfRemoved();
    SweepStaging();
    if (!rules_.dry_run) (void)CountParked(config_.state_dir, "");  // takes away the places of keepers that were killed
    SweepCaches();
    for (const auto& sweep : {SweepRuntimes, SweepTrials}) {
      auto swept = sweep(config_, rules_.dry_run);
      if (!swept) Complain("what builds and checks of runtimes left", swept.error());
      if (swept) report_.leftovers.insert(report_.leftovers.end(), swept->begin(), swept->end());
    }
    FH_TRY(RemoveRuns());  // looks at each run, and so ends the lost ones first
    auto cgroups = SweepCgroups(config_, rules_.dry_run);
    if (!cgroups) Complain("cgroups of killed keepers", cgroups.error());
    if (cgroups) report_.leftovers.insert(report_.leftovers.end(), cgroups->begin(), cgroups->end());
    return std::move(report_);
  }

 private:
  void Complain(const std::string& what, const Error& error) { report_.problems.push_back(what + ": " + error.message()); }

  Result<void> RemoveRuns() {
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> ids, ListRuns(config_.state_dir));
    const std::string end = Rfc3339(rules_.older_than);
    int64_t ended = 0;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
      auto run = OpenRunDir(config_.state_dir, *id);
      auto sight = run ? Look(*run) : Result<Sight>(run.error());
      if (!sight) {
        Complain("run " + *id, sight.error());
        continue;
      }
      const RunResult& result = sight->result;
      const bool has_ended = IsFinal(result.status);
      ended += has_ended ? 1 : 0;
      // Times of one format and zone: they compare as texts do.
      if (!has_ended || ended <= rules_.keep_newest || result.finished_at > end) {
        ++report_.kept;
        continue;
      }
      Remove(*run, result);
    }
    std::reverse(report_.runs.begin(), report_.runs.end());
    return {};
  }

  void Remove(const RunDir& run, const RunResult& result) {
    RemovedRun removed{run.id, result.name, result.status, result.finished_at, 0, 0};
    const auto use = MeasureTree(run.fd.get(), kMostInodes);
    if (use) {
      removed.files = use->inodes;
      removed.bytes = use->bytes;
    }
    if (!rules_.dry_run) {
      const Result<void> done = RecordAndRemove(run, removed);
      if (!done) {
        Complain("run " + run.id, done.error());
        ++report_.kept;
        return;
      }
    }
    report_.runs.push_back(std::move(removed));
  }

  Result<void> RecordAndRemove(const RunDir& run, const RemovedRun& removed) {
    // With the run goes the only word of its cgroup.
    if (const auto handle = ReadKeeperHandle(run.fd.get())) FH_TRY(EndIfAbandoned(*handle));
    JsonWriter members;
    members.Key("run_id").String(run.id).Key("name").String(removed.name).Key("status").String(Name(removed.status));
    members.Key("finished_at").String(removed.finished_at).Key("files").Int(removed.files).Key("bytes").Int(removed.bytes);
    members.Key("events_head").String(ChainHead(run)).Key("uid").Int(geteuid());
    FH_TRY(log_->Append("run_removed", members.text()));
    FH_TRY(log_->Sync());
    NoteChange(config_.state_dir, run.id, change::kRemoves);
    const std::string name = std::string(kRemoving) + run.id;
    if (renameat(runs_.get(), run.id.c_str(), runs_.get(), name.c_str()) != 0) {
      const int error = errno;
      return ErrnoError(error, "take " + Quoted(run.path) + " out of the runs");
    }
    auto counts = RemoveTree(runs_.get(), name);
    return counts ? Result<void>() : Result<void>(std::move(counts).error());
  }

  static Result<void> EndIfAbandoned(const KeeperHandle& handle) {
    FH_ASSIGN_OR_RETURN(const Fd keeper, FindByIdentity(handle.process));
    return keeper.valid() ? Result<void>() : EndWhatIsLeft(handle);
  }

  void SweepHalfRemoved() {
    const auto entries = ListDir(runs_.get());
    if (!entries) return Complain("the runs directory", entries.error());
    for (const DirEntry& entry : *entries) {
      if (entry.name.starts_with(kRemoving)) Sweep(runs_, entry.name);
    }
  }

  // Runs that were never made: whoever made one has gone, and so has its keeper. And what a keeper had no time to remove.
  void SweepStaging() {
    const auto staging = OpenDir(state_.get(), layout::kStaging);
    if (!staging) return;  // none yet
    const auto entries = ListDir(staging->get());
    if (!entries) return Complain("the staging directory", entries.error());
    for (const DirEntry& entry : *entries) {
      const Result<bool> abandoned = IsAbandoned(*staging, entry.name);
      if (!abandoned) {
        Complain(Quoted(entry.name), abandoned.error());
      } else if (*abandoned) {
        Sweep(*staging, entry.name);
      }
    }
  }

  Result<bool> IsAbandoned(const Fd& staging, const std::string& name) const {
    std::optional<KeeperHandle> handle;
    FH_ASSIGN_OR_RETURN(const bool abandoned, IsAbandonedStage(staging, name, &handle));
    if (abandoned && handle && !rules_.dry_run) FH_TRY(EndWhatIsLeft(*handle));
    return abandoned;
  }

  // "etc-0123.building-PID": whoever built it has gone.
  void SweepCaches() {
    const auto cache = OpenDir(state_.get(), "cache");
    if (!cache) return;  // none yet
    const auto entries = ListDir(cache->get());
    if (!entries) return Complain("the cache", entries.error());
    for (const DirEntry& entry : *entries) {
      constexpr std::string_view kBuilding = ".building-";
      const size_t at = entry.name.find(kBuilding);
      if (!entry.name.starts_with("etc-") || at == std::string::npos) continue;
      const std::string number = entry.name.substr(at + kBuilding.size());
      pid_t pid = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), pid);
      if (error != std::errc() || end != number.data() + number.size() || pid <= 0) continue;
      const auto process = FindProcess(pid);
      if (process && !*process) Sweep(*cache, entry.name);
    }
  }

  void Sweep(const Fd& dir, const std::string& name) {
    if (!rules_.dry_run) {
      const auto removed = RemoveTree(dir.get(), name);
      if (!removed) return Complain(Quoted(name), removed.error());
    }
    report_.leftovers.push_back(name);
  }

  const Config& config_;
  const GarbageRules& rules_;
  Fd state_;
  Fd runs_;
  std::optional<EventLog> log_;
  GarbageReport report_;
};

}  // namespace

Result<GarbageReport> CollectGarbage(const Config& config, const GarbageRules& rules) { return Collector(config, rules).Run(); }

}  // namespace fumehood
