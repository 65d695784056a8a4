#include "src/engine/dispatcher.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/ulid.h"
#include "src/config/read_config.h"
#include "src/engine/admission.h"
#include "src/engine/ensure_dispatcher.h"
#include "src/engine/queue_entry.h"
#include "src/engine/reconcile.h"
#include "src/engine/turn.h"
#include "src/engine/unstarted.h"
#include "src/engine/waiting_rows.h"
#include "src/executor/local/attempts.h"
#include "src/executor/local/launch.h"
#include "src/executor/local/recover.h"
#include "src/record/change_log.h"
#include "src/record/queue_file.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/record/start_event.h"
#include "src/spec/limits.h"
#include "src/store/store.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/host_capacity.h"
#include "src/sys/local_socket.h"
#include "src/sys/named_watch.h"
#include "src/sys/process.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

constexpr int64_t kMicro = 1000000;
constexpr int64_t kLinger = 2 * kMicro;       // after the last that waited: more often comes after that
constexpr int64_t kLookAgain = 30 * kMicro;   // while something waits: for room on the disk, which nobody announces
constexpr int64_t kLockLag = 50000;           // a killed keeper's slot is announced a moment before it is free
constexpr int64_t kMostTries = 5;             // of a start that fails for a reason that passes
constexpr double kHalfLifeUs = 3600.0 * kMicro;

void Log(const std::string& line) { (void)!write(STDERR_FILENO, (Rfc3339(Now()) + " " + line + "\n").c_str(), line.size() + 29); }

// What each share has had of the host, in core-hours, halved each hour.
class Had {
 public:
  void Add(const std::string& share, double core_hours, int64_t now_us) {
    Fade(now_us);
    had_[share] += core_hours;
  }
  const std::map<std::string, double>& At(int64_t now_us) {
    Fade(now_us);
    return had_;
  }

 private:
  void Fade(int64_t now_us) {
    const double factor = std::exp2(-static_cast<double>(std::max<int64_t>(0, now_us - at_us_)) / kHalfLifeUs);
    at_us_ = now_us;
    for (auto& [share, had] : had_) had *= factor;
    std::erase_if(had_, [](const auto& entry) { return entry.second < 1e-6; });
  }

  std::map<std::string, double> had_;
  int64_t at_us_ = 0;
};

class Dispatcher {
 public:
  Dispatcher(Config config, Fd lock, Ledger ledger)
      : config_(std::move(config)), lock_(std::move(lock)), ledger_(std::move(ledger)), spares_(static_cast<size_t>(config_.spare_boxes)),
        rules_{config_.priority_age_seconds * kMicro} {}

  Result<void> Prepare() {
    RememberShares();
    FH_ASSIGN_OR_RETURN(signals_, CatchSignals({SIGTERM, SIGINT, SIGCHLD}));
    (void)::signal(SIGPIPE, SIG_IGN);
    FH_ASSIGN_OR_RETURN(listener_, ListenForTurns(config_.state_dir));
    return Watch();
  }

  // True: it was asked to end. False: nothing waits.
  Result<bool> Run() {
    FH_TRY(TakeInQueue());
    int64_t last_waited = NowUs();
    for (;;) {
      while (StartNext()) {
      }
      const int64_t now = NowUs();
      if (!queued_.empty() || !askers_.empty()) last_waited = now;
      if (queued_.empty() && askers_.empty() && now >= last_waited + kLinger) return false;
      FH_ASSIGN_OR_RETURN(const bool ending, AwaitNews(TimeoutMs(now, last_waited)));
      if (ending) return true;
    }
  }

 private:
  struct Queued {
    Waiting waiting;
    std::shared_ptr<const Config> config;
    int64_t tries = 0;
    std::vector<AttemptEnd> earlier;
  };
  struct Asker {
    Fd connection;
    Waiting waiting;
  };

  // What the shares had before this process was. Where the index is not there, they begin anew: it is not worth reading every run.
  void RememberShares() {
    const auto there = FindStat(kHere, config_.state_dir + "/store.db", false);
    if (!there || !*there) return;
    auto store = Store::Open(config_.state_dir, {.waiting = WaitingRunsOf(config_.state_dir)});
    if (!store) return Log(store.error().message());
    constexpr int64_t kLately = int64_t{6} * 3600 * kMicro;
    RunQuery query;
    query.filter.ended = true;
    query.filter.since_us = NowUs() - kLately;
    query.order = RunOrder::kOldest;
    const auto page = store->List(query);
    if (!page) return Log(page.error().message());
    for (const RunRow& row : page->rows) {
      const auto share = row.labels.find(config_.fair_share_label);
      had_.Add(share == row.labels.end() ? "" : share->second.substr(0, kLongestShare), row.cpu_quota * row.wall_s / 3600, row.finished_us);
    }
  }

  Result<void> Watch() {
    FH_ASSIGN_OR_RETURN(const Fd queue, OpenQueueDir(config_.state_dir));
    const std::string engine = config_.state_dir + "/" + layout::kEngine;
    FH_ASSIGN_OR_RETURN(const Fd ledger, OpenAt(kHere, engine + "/" + layout::kLedger, O_RDWR | O_CREAT, 0600));
    FH_ASSIGN_OR_RETURN(watch_, NamedWatch::On(queue, ledger));
    return {};
  }

  Result<void> TakeInQueue() {
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> ids, ListWaiting(config_.state_dir));
    std::erase_if(queued_, [&](const auto& entry) { return !std::binary_search(ids.begin(), ids.end(), entry.first); });
    for (const RunId& id : ids) {
      if (!queued_.contains(id)) TakeIn(id);
    }
    return {};
  }

  void TakeIn(const RunId& id) {
    auto entry = ReadQueueEntry(config_.state_dir, id);
    if (!entry) {
      if (entry.error().code() == ErrorCode::kNotFound) return;
      if (broken_.insert(id).second) Log(fmt::format("run {} cannot be started: {}", id, entry.error().message()));
      return;
    }
    auto config = ConfigOf(entry->submitter);
    if (!config) {
      EndUnstarted(*entry, config.error());
      return;
    }
    Queued& queued = queued_[id];
    queued.config = std::move(config).value();
    queued.waiting = WaitingOf(id, entry->spec, *queued.config);
    const auto there = FindStat(kHere, RunPath(id), false);
    if (there && *there) Settle(id, entry->spec);
  }

  std::string RunPath(const RunId& id) const { return fmt::format("{}/{}/{}", config_.state_dir, layout::kRuns, id); }

  // As the submitter would read it now; all that has to do with the queue as a whole is this process'.
  Result<std::shared_ptr<const Config>> ConfigOf(const Submitter& submitter) {
    std::string key = submitter.cwd;
    for (const auto& [name, value] : submitter.env) key += '\0' + name + '\0' + value;
    auto& known = configs_[key];
    if (known && known->second > NowUs() - kLookAgain) return known->first;
    FH_ASSIGN_OR_RETURN(Config config, ReadConfig(DefaultSources(submitter.env, submitter.cwd, geteuid())));
    config.state_dir = config_.state_dir;
    known.emplace(std::make_shared<const Config>(std::move(config)), NowUs());
    return known->first;
  }

  // One that waits by its file and has a directory too: it waits for another attempt, or an earlier start of it was cut off. How far did
  // that come?
  void Settle(const RunId& id, const AnalysisSpec& spec) {
    const auto run = OpenRunDir(config_.state_dir, id);
    const auto sight = run ? Look(*run) : Result<Sight>(run.error());
    if (!sight) return Log(fmt::format("run {}: {}", id, sight.error().message()));
    Queued& queued = queued_.at(id);
    const Attempts attempts = ReadAttempts(*run, PolicyOf(spec), ResolveLimits(spec, *queued.config).memory_limit_mb);
    const bool executed = attempts.last > 0 && ReadToldSoFar(*run).started_attempt >= attempts.last;
    const bool alive = sight->keeper.valid();
    const Observation seen = IsFinal(sight->result.status)                ? Observation::kExited
                             : alive && executed && !attempts.last_ended ? Observation::kRunning
                             : alive                                     ? Observation::kNoInformation  // about to begin, to give up, or to go
                                                                         : Observation::kMissing;
    unsettled_.erase(id);
    switch (Reconcile(Recorded::kStarting, seen)) {
      case Action::kAttach:
      case Action::kPublish:  // its keeper has published it
        Leave(id);
        return;
      case Action::kAskAgain:
        queued.waiting.not_before_us = NowUs() + kLockLag;
        unsettled_.insert(id);
        return;
      default:
        if (attempts.last_ended) return AwaitItsTime(queued, attempts, spec, id);
        Discard(id, attempts.last);
        if (attempts.last > 1) AwaitItsTime(queued, attempts, spec, id);
    }
  }

  void AwaitItsTime(Queued& queued, const Attempts& attempts, const AnalysisSpec& spec, const RunId& id) {
    queued.earlier = attempts.ended;
    const auto pause = std::chrono::duration_cast<std::chrono::microseconds>(PauseBeforeRetry(attempts.ended.size(), id));
    queued.waiting.not_before_us = (attempts.last_end + pause).time_since_epoch().count();
    queued.waiting.ask.demand.memory_mb = NextMemoryLimitMb(PolicyOf(spec), attempts.ended);
    if (queued.waiting.ask.firm.memory_mb > 0) queued.waiting.ask.firm.memory_mb = queued.waiting.ask.demand.memory_mb;
  }

  // Nothing of it was executed: its directory is a start's, not a run's; of a later attempt, that attempt's alone.
  void Discard(const RunId& id, int attempt) {
    const std::string token = NewRunId();
    const auto runs = OpenRunsDir(config_.state_dir);
    const auto staging = OpenStagingDir(config_.state_dir);
    if (!runs || !staging) return;
    if (const auto run = OpenRunDir(config_.state_dir, id)) {
      const auto handle = ReadKeeperHandle(run->fd.get());
      const Result<void> ended = handle ? EndWhatIsLeft(*handle) : Result<void>();
      if (!ended) Log(fmt::format("run {}: what an earlier start left could not be ended: {}", id, ended.error().message()));
    }
    const std::string what = attempt > 1 ? fmt::format("{}/{}/{}", id, layout::kAttempts, attempt) : id;
    if (renameat(runs->get(), what.c_str(), staging->get(), token.c_str()) != 0) return;
    (void)RemoveTree(staging->get(), token);
    NoteChange(config_.state_dir, id, change::kQueued);
    Log(fmt::format("run {}: an earlier start was cut off before anything was executed; it is started again", id));
  }

  void Leave(const RunId& id) {
    if (const Result<void> removed = RemoveQueueFile(config_.state_dir, id); !removed) Log(removed.error().message());
    queued_.erase(id);
    unsettled_.erase(id);
    QueueAgainIfRetried(id);
  }

  // A short attempt may have ended by now, and its keeper may have found the file of its own start there where it wanted to put that of the
  // next attempt. The evidence comes before the file, so what is looked at after the removal tells.
  void QueueAgainIfRetried(const RunId& id) {
    const auto run = OpenRunDir(config_.state_dir, id);
    if (!run || ReadResult(run->fd.get())) return;
    const RetryRecord record = ReadRetryRecord(*run);
    if (!record.attempts.last_ended || !IsRetried(record.policy, record.attempts.ended)) return;
    const auto entry = ReadFile(run->fd.get(), layout::kQueued, size_t{128} << 20);
    const Result<void> queued = entry ? PutQueueFile(config_.state_dir, id, *entry) : Result<void>(entry.error());
    if (!queued && queued.error().code() != ErrorCode::kAlreadyExists) Log(queued.error().message());
  }

  void EndUnstarted(const QueueEntry& entry, const Error& error) {
    const auto result = RecordUnstarted(config_.state_dir, entry, RunStatus::kFailed, ReasonOfFailedStart(error), NotesOfFailedStart(error));
    Log(fmt::format("run {} was not started: {}", entry.run_id, error.message()));
    if (!result && result.error().code() != ErrorCode::kAlreadyExists) Log(result.error().message());
    if (!result && result.error().code() == ErrorCode::kAlreadyExists) EndNextAttempt(entry, error);
    Leave(entry.run_id);
  }

  // The same for one that had attempts before.
  void EndNextAttempt(const QueueEntry& entry, const Error& error) {
    const auto run = OpenRunDir(config_.state_dir, entry.run_id);
    if (!run) return;
    const auto ended = EndWaitingRun(*run, RunStatus::kFailed, ReasonOfFailedStart(error), NotesOfFailedStart(error));
    if (!ended) Log(ended.error().message());
  }

  // False: nothing can start now.
  bool StartNext() {
    std::vector<RunId> unsettled;
    for (const RunId& id : unsettled_) {
      if (queued_.contains(id) && queued_[id].waiting.not_before_us <= NowUs()) unsettled.push_back(id);
    }
    for (const RunId& id : unsettled) {
      const auto entry = ReadQueueEntry(config_.state_dir, id);
      if (entry) Settle(id, entry->spec);
    }
    if (queued_.empty() && askers_.empty()) return false;
    auto decided = Decide();
    if (!decided) {
      Log(decided.error().message());
      return false;
    }
    if (!decided->slot.fd.valid()) return false;
    if (decided->asker != nullptr) {
      Give(*decided->asker, std::move(decided->slot));
    } else {
      Start(decided->id, std::move(decided->slot));
    }
    return true;
  }

  struct Decided {
    RunId id;
    Asker* asker = nullptr;
    HeldSlot slot;
  };

  Result<Decided> Decide() {
    Scene scene;
    scene.now_us = NowUs();
    FH_ASSIGN_OR_RETURN(scene.budget, HostBudget(config_));
    scene.had = had_.At(scene.now_us);
    for (const auto& [id, queued] : queued_) {
      if (!unsettled_.contains(id)) scene.waiting.push_back(&queued.waiting);
    }
    for (const Asker& asker : askers_) scene.waiting.push_back(&asker.waiting);
    FH_ASSIGN_OR_RETURN(const Fd admission, ledger_.LockAdmission());
    FH_ASSIGN_OR_RETURN(scene.held, ledger_.Held());
    const Picked picked = Pick(scene, rules_);
    Decided decided;
    if (picked.run == nullptr) return decided;
    decided.id = picked.run->id;
    FH_ASSIGN_OR_RETURN(decided.slot, ledger_.Reserve(ReservationOf(*picked.run, picked.demand, scene.now_us)));
    const auto asker = std::find_if(askers_.begin(), askers_.end(), [&](const Asker& a) { return &a.waiting == picked.run; });
    if (asker != askers_.end()) decided.asker = &*asker;
    return decided;
  }

  void Charge(const Waiting& waiting) {
    // What it may take at most: what it did take is known only at its end, and is another's turn by then.
    const double hours = static_cast<double>(std::min(waiting.lasts_us, int64_t{3600} * kMicro)) / kHalfLifeUs;
    had_.Add(waiting.share, static_cast<double>(waiting.ask.demand.cpu_milli) * hours, NowUs());
  }

  void Give(Asker& asker, HeldSlot slot) {
    Charge(asker.waiting);
    (void)GiveTurn(asker.connection, slot);  // where it has gone, the slot is free with our copy
    std::erase_if(askers_, [&](const Asker& other) { return &other == &asker; });
  }

  void Start(const RunId& id, HeldSlot slot) {
    auto entry = ReadQueueEntry(config_.state_dir, id);
    if (!entry) {  // killed meanwhile
      queued_.erase(id);
      return;
    }
    Queued& queued = queued_.at(id);
    LaunchRequest request;
    request.spec = entry->spec;
    request.submitter = entry->submitter;
    request.id = id;
    request.idempotency_key = entry->idempotency_key;
    request.rerun_of = entry->rerun_of;
    request.earlier = queued.earlier;
    if (MayBeRetried(PolicyOf(entry->spec))) request.queue_file = PrintQueueEntry(*entry);
    request.slot = std::move(slot);
    auto launched = Launch(request, *queued.config, &spares_);
    if (launched) {
      Charge(queued.waiting);
      Leave(id);
      if (auto keeper = PidfdOpen(launched->keeper)) keepers_.push_back(std::move(keeper).value());
      return;
    }
    if (launched.error().errno_value() == EEXIST) {
      Settle(id, entry->spec);
      return;
    }
    if (IsTransient(launched.error()) && ++queued.tries < kMostTries) {
      queued.waiting.not_before_us = NowUs() + (kMicro << queued.tries);
      Log(fmt::format("run {} could not be started yet: {}", id, launched.error().message()));
      return;
    }
    EndUnstarted(*entry, launched.error());
  }

  int TimeoutMs(int64_t now, int64_t last_waited) const {
    int64_t until = now + kLookAgain;
    if (queued_.empty() && askers_.empty()) until = last_waited + kLinger;
    if (lock_lag_until_ > now) until = std::min(until, lock_lag_until_);
    for (const auto& [id, queued] : queued_) {
      if (queued.waiting.not_before_us > now) until = std::min(until, queued.waiting.not_before_us);
    }
    return static_cast<int>(std::max<int64_t>(0, until - now) / 1000 + 1);
  }

  Result<bool> AwaitNews(int timeout_ms) {
    std::vector<struct pollfd> waits = {{signals_.get(), POLLIN, 0}, {watch_.fd().get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Asker& asker : askers_) waits.push_back({asker.connection.get(), POLLIN, 0});
    if (poll(waits.data(), waits.size(), timeout_ms) < 0 && errno != EINTR) {
      const int error = errno;
      return ErrnoError(error, "poll");
    }
    if (waits[0].revents != 0) {
      const auto signal = ReadSignal(signals_);
      if (signal && signal->number != SIGCHLD) return true;
      ReapKeepers();
    }
    if (waits[1].revents != 0) {
      FH_TRY(ReadWatch());
    }
    // Who asked says nothing more: what comes is its end.
    std::set<int> gone;
    for (size_t i = 3; i < waits.size(); ++i) {
      if (waits[i].revents != 0) gone.insert(waits[i].fd);
    }
    std::erase_if(askers_, [&](const Asker& asker) { return gone.contains(asker.connection.get()); });
    if (waits[2].revents != 0) TakeInAsker();
    return false;
  }

  void ReapKeepers() {
    std::erase_if(keepers_, [](const Fd& keeper) {
      if (!PidfdWait(keeper, 0)) return false;
      ReapIfOurs(keeper);
      return true;
    });
  }

  // By the names that changed: ten thousand that come one by one are not to be listed ten thousand times.
  Result<void> ReadWatch() {
    const NamedChanges changes = watch_.Read();
    if (changes.file_let_go) lock_lag_until_ = NowUs() + kLockLag;
    if (changes.lost_some) return TakeInQueue();
    for (const std::string& name : changes.went) {
      if (const auto id = RunOfQueueFile(name)) queued_.erase(*id);
    }
    for (const std::string& name : changes.came) {
      const auto id = RunOfQueueFile(name);
      if (id && !queued_.contains(*id)) TakeIn(*id);
    }
    return {};
  }

  void TakeInAsker() {
    Fd connection = AcceptNext(listener_);
    if (!connection.valid()) return;
    auto waiting = ReceiveAsk(connection);
    if (!waiting) return Log(waiting.error().message());
    askers_.push_back({std::move(connection), std::move(waiting).value()});
  }

  Config config_;
  Fd lock_;
  Ledger ledger_;
  SpareBoxes spares_;
  PickRules rules_;
  Fd signals_;
  Fd listener_;
  NamedWatch watch_;
  int64_t lock_lag_until_ = 0;
  std::map<RunId, Queued> queued_;
  std::set<RunId> unsettled_;
  std::set<RunId> broken_;  // told once
  std::deque<Asker> askers_;
  std::vector<Fd> keepers_;  // pidfds of our children
  std::map<std::string, std::optional<std::pair<std::shared_ptr<const Config>, int64_t>>> configs_;
  Had had_;
};

}  // namespace

Result<void> RunDispatcher(const Config& config) {
  RaiseDescriptorLimit();
  FH_ASSIGN_OR_RETURN(Ledger ledger, Ledger::Open(config.state_dir));
  for (;;) {
    FH_ASSIGN_OR_RETURN(auto lock, TryLockDispatcher(config.state_dir));
    if (!lock) return {};
    {
      Dispatcher dispatcher(config, std::move(*lock), std::move(ledger));
      FH_TRY(dispatcher.Prepare());
      FH_ASSIGN_OR_RETURN(const bool asked_to_end, dispatcher.Run());
      if (asked_to_end) return {};
    }
    // Who queued a run while we held the lock counted on us, and found nothing to start: look once more without it.
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(config.state_dir));
    if (waiting.empty()) return {};
    FH_ASSIGN_OR_RETURN(ledger, Ledger::Open(config.state_dir));
  }
}

}  // namespace fumehood
