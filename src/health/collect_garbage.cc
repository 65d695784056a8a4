#include "src/health/collect_garbage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/executor/local/recover.h"
#include "src/health/abandoned_stages.h"
#include "src/health/run_listing.h"
#include "src/health/sweep_cgroups.h"
#include "src/health/sweep_known.h"
#include "src/health/sweep_runtimes.h"
#include "src/record/change_log.h"
#include "src/keeper/parking_place.h"
#include "src/record/event_log.h"
#include "src/record/outputs.h"
#include "src/record/pins.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/record/verify.h"
#include "src/store/list_from_runs.h"
#include "src/store/store.h"
#include "src/store/waiting_rows.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

// A run under removal carries this before its id: it is no run any more, and a removal that was cut short is gone on with.
constexpr std::string_view kRemoving = "removing-";
constexpr int64_t kMostInodes = 10'000'000;
constexpr std::chrono::hours kForgotten{24 * 30};  // so long after its last use what is known of a path that is gone is of no use

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
    FH_ASSIGN_OR_RETURN(const Fd made, OpenRunsDir(config_.state_dir));
    // Again, and not through a link this time: nothing outside of the state directory is ever removed.
    FH_ASSIGN_OR_RETURN(runs_, OpenBeneath(state_.get(), layout::kRuns, O_RDONLY | O_DIRECTORY));
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
    auto known = SweepKnown(config_.state_dir, Now() - kForgotten, rules_.dry_run);
    if (!known) Complain("what is known of inputs and databases", known.error());
    if (known) report_.leftovers.insert(report_.leftovers.end(), known->begin(), known->end());
    FH_TRY(RemoveRuns());  // looks at each run that has not ended, and so ends the lost ones first
    auto cgroups = SweepCgroups(config_, rules_.dry_run);
    if (!cgroups) Complain("cgroups of killed keepers", cgroups.error());
    if (cgroups) report_.leftovers.insert(report_.leftovers.end(), cgroups->begin(), cgroups->end());
    return std::move(report_);
  }

 private:
  void Complain(const std::string& what, const Error& error) { report_.problems.push_back(what + ": " + error.message()); }

  // From the index where there is one; a full disk is no reason not to make room on it.
  Result<RunPage> AllRuns() {
    StoreOptions options;
    options.tell = [this](const std::string& sentence) { report_.notes.push_back(sentence); };
    store_.reset();
    auto store = Store::Open(config_.state_dir, std::move(options));
    if (store) store_.emplace(std::move(*store));
    auto page = store_ ? store_->List({}) : Result<RunPage>(store.error());
    if (page) return page;
    store_.reset();
    return ListFromRuns(config_.state_dir, WaitingInQueue(config_.state_dir), {});
  }

  Result<void> RemoveRuns() {
    FH_ASSIGN_OR_RETURN(const RunPage all, AllRuns());
    report_.problems.insert(report_.problems.end(), all.problems.begin(), all.problems.end());
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> pins, ListPinned(config_.state_dir));
    const std::set<RunId> pinned(pins.begin(), pins.end());
    rulebook_ = rules_.keep.empty() ? KeepRulesFrom(config_.retention, Now()) : rules_.keep;
    std::vector<GarbageCandidate> candidates;
    for (const RunRow& row : all.rows) {
      if (!IsFinal(row.status) || !HasLabels(row.labels)) continue;
      GarbageCandidate candidate{row.id, row.labels, WallTime(std::chrono::microseconds(row.finished_us)), row.disk_bytes, pinned.contains(row.id)};
      const KeepRule* rule = RuleFor(rulebook_, row.labels);
      if (rule != nullptr && rule->max_bytes && candidate.bytes < 0) candidate.bytes = Measured(row.id);
      candidates.push_back(std::move(candidate));
    }
    const auto going = PlanGarbage(candidates, rulebook_);
    std::vector<RunId> staying;
    for (auto row = all.rows.rbegin(); row != all.rows.rend(); ++row) {  // the oldest first
      const auto why = going.find(row->id);
      const bool stays = why == going.end() || !Remove(*row, why->second);
      if (!stays) continue;
      ++report_.kept;
      report_.pinned += pinned.contains(row->id) ? 1 : 0;
      if (!row->waits) staying.push_back(row->id);
    }
    if (!rules_.dry_run) CheckOutcome(staying);
    return {};
  }

  bool HasLabels(const std::map<std::string, std::string>& labels) const {
    return std::all_of(rules_.labels.begin(), rules_.labels.end(), [&](const auto& label) {
      const auto found = labels.find(label.first);
      return found != labels.end() && found->second == label.second;
    });
  }

  int64_t Measured(const RunId& id) {
    const auto run = OpenRunDir(config_.state_dir, id);
    const auto use = run ? MeasureTree(run->fd.get(), kMostInodes) : Result<DiskUse>(run.error());
    if (!use) return 0;
    if (store_) (void)store_->SetDiskUse(id, use->bytes, use->inodes);  // for the next time only
    return use->bytes;
  }

  // False: it stays after all.
  bool Remove(const RunRow& row, const std::string& why) {
    const RunResult result = ResultOfRow(config_.state_dir, row);
    RemovedRun removed{row.id, row.name, row.status, result.finished_at, why, 0, 0, ""};
    const Result<bool> done = RemoveIfStillSo(row, removed);
    if (!done) Complain("run " + row.id, done.error());
    if (!done || !*done) return false;
    report_.runs.push_back(std::move(removed));
    return true;
  }

  // The index is no truth: the run itself is asked before anything of it goes.
  Result<bool> RemoveIfStillSo(const RunRow& row, RemovedRun& removed) {
    auto run = OpenRunDir(config_.state_dir, row.id);
    if (!run && run.error().code() == ErrorCode::kNotFound) return false;  // somebody was faster
    if (!run) return std::move(run).error();
    FH_ASSIGN_OR_RETURN(const Sight sight, Look(*run));
    if (!IsFinal(sight.result.status)) return false;
    const RunRow now = ReadRunRow(config_.state_dir, *run);
    if (now.pinned || now.labels != row.labels || now.finished_us != row.finished_us) return false;
    FH_ASSIGN_OR_RETURN(const RunListing listing, ListingOf(run->fd.get()));
    removed.files = listing.files;
    removed.bytes = listing.bytes;
    removed.sha256 = listing.sha256;
    if (!rules_.dry_run) FH_TRY(RecordAndRemove(*run, removed));
    return true;
  }

  Result<void> RecordAndRemove(const RunDir& run, const RemovedRun& removed) {
    // With the run goes the only word of its cgroup.
    if (const auto handle = ReadKeeperHandle(run.fd.get())) FH_TRY(EndIfAbandoned(*handle));
    JsonWriter members;
    members.Key("run_id").String(run.id).Key("name").String(removed.name).Key("status").String(Name(removed.status));
    members.Key("finished_at").String(removed.finished_at).Key("why").String(removed.why);
    members.Key("files").Int(removed.files).Key("bytes").Int(removed.bytes);
    members.Key("events_head").String(ChainHead(run)).Key("listing_sha256").String(removed.sha256).Key("uid").Int(geteuid());
    Result<void> recorded = log_->Append("run_removed", members.text());
    if (!recorded && GiveIndexUp(recorded.error())) recorded = log_->Append("run_removed", members.text());
    FH_TRY(recorded);
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

  // On a full disk there is no room for the word of a removal either. The index is no more than an index: the next command makes it anew.
  bool GiveIndexUp(const Error& error) {
    if ((error.errno_value() != ENOSPC && error.errno_value() != EDQUOT) || gave_index_up_) return false;
    gave_index_up_ = true;
    store_.reset();
    for (const char* name : {"store.db.damaged", "store.db.damaged-wal", "store.db.damaged-shm", "store.db-wal", "store.db-shm", "store.db"}) {
      (void)unlinkat(state_.get(), name, 0);
    }
    report_.notes.emplace_back("the disk is full: the index of the runs was removed to make room for the record of the removals; it is made anew by itself");
    return true;
  }

  void CheckOutcome(const std::vector<RunId>& staying) {
    const auto entries = ListDir(runs_.get());
    if (!entries) return Complain("the runs directory", entries.error());
    std::set<std::string> names;
    for (const DirEntry& entry : *entries) names.insert(entry.name);
    for (const RemovedRun& run : report_.runs) {
      for (const std::string& name : {run.id, std::string(kRemoving) + run.id}) {
        if (names.contains(name)) report_.problems.push_back(fmt::format("run {}: {} is still there after its removal", run.id, Quoted(name)));
      }
    }
    for (const RunId& id : staying) {
      if (!names.contains(id)) report_.problems.push_back(fmt::format("run {}: it was to stay and is not there; its record was removed by something else", id));
    }
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
    const auto staging = OpenBeneath(state_.get(), layout::kStaging, O_RDONLY | O_DIRECTORY);
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
    const auto cache = OpenBeneath(state_.get(), "cache", O_RDONLY | O_DIRECTORY);
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
  std::optional<Store> store_;
  bool gave_index_up_ = false;
  std::vector<KeepRule> rulebook_;  // outlives what points into it
  GarbageReport report_;
};

}  // namespace

Result<GarbageReport> CollectGarbage(const Config& config, const GarbageRules& rules) { return Collector(config, rules).Run(); }

}  // namespace fumehood
