#include "src/executor/local/launch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/executor/local/activate.h"
#include "src/executor/local/attempts.h"
#include "src/executor/local/disk_method.h"
#include "src/executor/local/given_data.h"
#include "src/executor/local/recover.h"
#include "src/executor/local/stage_in.h"
#include "src/executor/local/warm_start.h"
#include "src/hood/etc_tree.h"
#include "src/hood/landlock.h"
#include "src/record/change_log.h"
#include "src/record/event_log.h"
#include "src/record/json_text.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/spec/print.h"
#include "src/sys/file.h"
#include "src/sys/message.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;

// How `explain` shows the run's /etc, which is made at the launch.
std::string PlannedEtc(const Config& config) { return config.state_dir + "/cache/etc"; }

bool Contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool MayBeWeaker(const ResolvedRun& run, const Config& config, const std::string& layer) {
  return Contains(run.spec.allow_weaker, layer) || Contains(config.allow_weaker, layer);
}

// Layers that cannot be had and are not allowed to be missing, and why. Several often miss for one cause.
Error MissingLayers(const std::vector<std::pair<std::string, std::string>>& missing) {
  std::vector<std::string> causes;
  std::vector<std::string> groups;
  for (const auto& [layer, why] : missing) {
    const auto known = std::find(causes.begin(), causes.end(), why);
    if (known != causes.end()) {
      groups[static_cast<size_t>(known - causes.begin())] += ", " + layer;
    } else {
      causes.push_back(why);
      groups.push_back(layer);
    }
  }
  const char* noun = missing.size() == 1 ? "layer" : "layers";
  std::string message = fmt::format("the {} {} of the hood cannot be had here: {}", groups[0], noun, causes[0]);
  if (causes.size() > 1) {
    message = "several layers of the hood cannot be had here";
    for (size_t i = 0; i < causes.size(); ++i) message += fmt::format("{} {}: {}", i == 0 ? ":" : ";", groups[i], causes[i]);
  }
  return Error(ErrorCode::kUnsupported, fmt::format("{}. See `fumehood doctor`; to go on without {}, name {} in allow_weaker", message,
                                                    missing.size() == 1 ? "it" : "them", missing.size() == 1 ? "it" : "each"));
}

// Where the layers that need the host's help stand: refused when some are missing and not allowed to be.
Result<void> CheckLayers(const Config& config, PreparedRun& prepared) {
  KeeperOrder& order = prepared.order;
  std::vector<std::pair<std::string, std::string>> refused;
  const auto missing = [&](const std::string& layer, const std::string& why) {
    if (MayBeWeaker(prepared.resolved, config, layer)) {
      order.weakened.push_back(layer);
    } else {
      refused.emplace_back(layer, why);
    }
  };
  const CgroupPlace& place = order.box.cgroup;
  for (const char* controller : {"memory", "cpu", "pids"}) {
    if (Contains(place.controllers, controller)) continue;
    const auto why = place.missing.find(controller);
    missing(controller, why != place.missing.end() ? why->second : place.how);
  }
  if (LandlockAbi() < kLowestLandlockAbi) {
    missing("landlock", "this kernel has none, or was booted without it (lsm=landlock,...)");
    std::erase_if(order.plan.steps, [](const HoodStep& step) { return step.op == Op::kLandlock; });
  }
  const DiskMethod disk = ChooseDiskMethod(config, prepared.resolved.by_root);
  if (!disk.missing.empty()) missing("disk", disk.missing);
  order.disk_method = disk.method;
  return refused.empty() ? Result<void>() : MissingLayers(refused);
}

CgroupLimits LimitsFor(const Limits& limits, const CgroupPlace& place) {
  CgroupLimits out;
  if (Contains(place.controllers, "memory")) out.memory_bytes = limits.memory_limit_mb * kMiB;
  if (Contains(place.controllers, "cpu")) out.cpu_quota = limits.cpu_quota;
  if (Contains(place.controllers, "pids")) out.pids_max = limits.pids_limit + 1;  // PID 1 is ours
  return out;
}

std::vector<std::string> ExecutablePlaces(const std::string& command, const std::vector<std::string>& path) {
  if (command.find('/') != std::string::npos) return {command};
  std::vector<std::string> places;
  for (const std::string& directory : path) places.push_back(directory + "/" + command);
  return places;
}

// The work directory, inputs and databases as the hood will show them, and `order` what must be made and given for that.
std::vector<Showing> Showings(const ResolvedRun& run, const std::string& attempt_dir, KeeperOrder& order) {
  std::vector<Showing> showings;
  showings.push_back({.how = Showing::How::kCopyOnWrite, .source = run.workdir, .target = run.workdir, .upper = layout::kWork,
                      .scratch = layout::kOverlay, .identity = run.workdir_identity});
  const auto catch_writes = [&](Showing& showing) {
    const std::string base = fmt::format("cow{}", showings.size());
    order.own_dirs.insert(order.own_dirs.end(), {base, base + "/upper", base + "/" + layout::kOverlay});
    showing.how = Showing::How::kCopyOnWrite;
    showing.upper = base + "/upper";
    showing.scratch = base + "/" + layout::kOverlay;
  };
  showings.insert(showings.end(), run.runtime_showings.begin(), run.runtime_showings.end());
  for (size_t i = 0; i < run.inputs.size(); ++i) {
    Showing showing = run.inputs[i];
    if (showing.how == Showing::How::kOwn) {
      showing.source = CopiedInputPath(attempt_dir, i, showing.source);
      order.own_trees.push_back(showing.source.substr(attempt_dir.size() + 1));
      showing.identity.inode = 0;
    }
    if (showing.how != Showing::How::kReadOnly) catch_writes(showing);
    showings.push_back(std::move(showing));
  }
  for (const ResolvedDatabase& database : run.databases) {
    Showing showing{.source = database.source, .target = database.path, .identity = database.identity};
    if (database.mode == DatabaseMode::kSnapshot) {
      // The directory, not the file alone: a database makes its journal beside itself.
      showing.source = SnapshotDir(attempt_dir, database);
      order.own_trees.push_back(showing.source.substr(attempt_dir.size() + 1));
      showing.target = database.target;
      showing.identity.is_directory = true;
      showing.identity.inode = 0;
      catch_writes(showing);
    }
    showings.push_back(std::move(showing));
  }
  return showings;
}

// What is shown beneath the work directory and is not there already needs a directory or file to be shown upon.
std::vector<std::string> MountPoints(const std::string& workdir, const std::vector<Showing>& showings) {
  std::vector<std::string> made;
  const std::string top = workdir + "/";
  for (const Showing& showing : showings) {
    if (!showing.target.starts_with(top)) continue;
    for (std::string path = showing.target; path.size() > top.size(); path.resize(path.rfind('/'))) {
      if (access(path.c_str(), F_OK) != 0) made.push_back(path.substr(top.size()));
    }
  }
  // Longer first: a path is longer than those above it.
  std::sort(made.begin(), made.end(), [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return made;
}

HoodRequest RequestFor(const ResolvedRun& run, const Config& config, const std::string& attempt_dir, KeeperOrder& order) {
  HoodRequest request;
  request.host = run.tree ? *run.tree : FindHostLayout();
  request.attempt_dir = attempt_dir;
  request.showings = Showings(run, attempt_dir, order);
  order.mount_points = MountPoints(run.workdir, request.showings);
  request.masked = {config.state_dir};
  request.cwd = run.workdir;
  request.uid_inside = run.uid_inside;
  request.gid_inside = run.gid_inside;
  request.network_host = run.spec.network.mode == NetworkMode::kHost;
  request.memory_bytes = run.limits.memory_limit_mb * kMiB;
  request.file_size_bytes = run.limits.disk_limit_mb * kMiB;
  return request;
}

// A runtime that does not work is a mistake of the spec, told like the others.
Error RuntimeProblem(const Error& error) { return Error("the spec has problems", {{"runtime", error.message(), "", 0, 0}}); }

// The packages that its identity stands for. Another lock than the one that was checked would prove nothing.
Result<std::string> LockFor(const Runtime& runtime, const Config& config) {
  // A root file system's identity is that of its list of files, which stays with it.
  if (runtime.identity.empty() || runtime.kind == RuntimeKind::kRootfs) return std::string();
  FH_ASSIGN_OR_RETURN(std::string text, Catalog(config.state_dir).LockOf(runtime.name));
  if (Sha256Hex(text) == runtime.identity) return text;
  return RuntimeProblem(Error(ErrorCode::kCorrupt, fmt::format("runtime_unhealthy: the lock of the runtime {0} is not the one of its check; `fumehood runtimes check {0}` "
                                                "makes it anew", runtime.name)));
}

}  // namespace

Result<PreparedRun> Prepare(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const RunId& id,
                            const Runtime* runtime, const std::vector<AttemptEnd>& earlier) {
  PreparedRun prepared;
  FH_ASSIGN_OR_RETURN(prepared.resolved, Resolve(spec, config, submitter, runtime));
  KeeperOrder& order = prepared.order;
  order.retries = PolicyOf(spec);
  order.earlier = earlier;
  order.attempt = static_cast<int32_t>(earlier.size()) + 1;
  if (!earlier.empty()) prepared.resolved.limits.memory_limit_mb = NextMemoryLimitMb(order.retries, earlier);
  const ResolvedRun& run = prepared.resolved;
  order.run_id = id;
  order.name = run.spec.name;
  order.run_dir = fmt::format("{}/{}/{}", config.state_dir, layout::kRuns, id);
  order.submitted_at = Rfc3339(TimeOfRunId(id));  // one moment, whoever tells of it
  order.workdir = run.workdir;
  HoodRequest request = RequestFor(run, config, fmt::format("{}/{}/{}", order.run_dir, layout::kAttempts, order.attempt), order);
  request.host.etc_tree = PlannedEtc(config);
  order.plan = PlanHood(request);
  FH_ASSIGN_OR_RETURN(prepared.runtime_lock, LockFor(run.runtime, config));
  order.plan.argv = run.argv;
  order.plan.env = run.env;
  order.plan.executables = ExecutablePlaces(run.argv[0], run.runtime.path);
  order.limits = run.limits;
  order.outputs = run.spec.outputs;
  order.log_path = run.log_path;
  order.usage_interval_seconds = config.usage_interval_seconds;
  BoxOrder& box = order.box;
  box.state_dir = config.state_dir;
  box.attempt = order.attempt;
  FH_ASSIGN_OR_RETURN(box.cgroup, FindCgroupPlace(config.cgroup_parent));
  box.by_root = run.by_root;
  box.uid_range_first = config.uid_range_first;
  box.uid_range_count = config.uid_range_count;
  order.cgroup_limits = LimitsFor(run.limits, box.cgroup);
  FH_TRY(CheckLayers(config, prepared));
  return prepared;
}

namespace {

// What the plan calls by the names that a reader understands gets its real place: /etc, which is made only now, and the attempt
// directory, which is still in staging.
Result<void> MakeBoxOrder(const Config& config, PreparedRun& prepared) {
  const ResolvedRun& run = prepared.resolved;
  KeeperOrder& order = prepared.order;
  EtcRequest wanted{.state_dir = config.state_dir, .uid = run.uid_inside, .gid = run.gid_inside,
                    .network_host = run.spec.network.mode == NetworkMode::kHost};
  if (run.tree) {
    wanted.tree = run.runtime.location;
    wanted.tree_identity = run.runtime.identity;
  }
  FH_ASSIGN_OR_RETURN(const std::string etc, EnsureEtcTree(wanted));
  order.box.plan = TakeBoxPlan(order.plan);
  std::set<int64_t> owners;
  for (const HoodStep& step : order.plan.steps) {
    if (order.box.by_root && step.op == Op::kOpenTree && (step.flags & kTreeIdMap) != 0) owners.insert(step.number);
  }
  order.box.owners.assign(owners.begin(), owners.end());
  for (HoodStep& step : order.box.plan.steps) {
    if (step.op != Op::kOpenTree) continue;
    if (step.path == PlannedEtc(config)) step.path = etc;
    if (step.path.starts_with(order.run_dir + "/")) step.path = kAttemptDir;
  }
  return {};
}

// Everything that describes the run, complete before it gets its name in runs/.
Result<void> WriteRecord(const PreparedRun& prepared, const LaunchRequest& request, const std::string& resolved, const GivenData& given, const RunDir& run_dir) {
  const ResolvedRun& run = prepared.resolved;
  FH_TRY(WriteFileAtomically(run_dir.fd.get(), layout::kResolved, resolved, 0600, Durability::kLater));
  FH_TRY(WriteFileAtomically(run_dir.fd.get(), layout::kSpec, PrintSpec(run.spec, Format::kJson), 0600, Durability::kLater));
  if (!prepared.runtime_lock.empty()) {
    FH_TRY(WriteFileAtomically(run_dir.fd.get(), layout::kRuntimeLock, prepared.runtime_lock, 0600, Durability::kLater));
  }
  if (!request.queue_file.empty()) FH_TRY(WriteFileAtomically(run_dir.fd.get(), layout::kQueued, request.queue_file, 0600, Durability::kLater));
  if (!given.manifest.empty()) FH_TRY(WriteFileAtomically(run_dir.fd.get(), layout::kInputs, given.manifest, 0600, Durability::kLater));
  FH_ASSIGN_OR_RETURN(EventLog events, EventLog::Open(run_dir.fd.get()));
  JsonWriter members;
  members.Key("run_id").String(prepared.order.run_id).Key("name").String(prepared.order.name);
  members.Key("uid").Int(geteuid()).Key("workdir").String(run.workdir).Key("executor").String("local");
  WriteText(members, "cwd", request.submitter.cwd);
  if (!request.idempotency_key.empty()) members.Key("idempotency_key").String(request.idempotency_key);
  if (!request.rerun_of.empty()) members.Key("rerun_of").String(request.rerun_of);
  FH_TRY(events.Append("submitted", members.text()));
  for (const auto& [type, what] : given.events) FH_TRY(events.Append(type, what));
  return {};
}

// Into the record that there is, under the lock of its events: nobody may have ended the run meanwhile.
Result<void> BeginAnotherAttempt(const Config& config, const PreparedRun& prepared, const GivenData& given, RunDir& staged) {
  const KeeperOrder& order = prepared.order;
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config.state_dir, order.run_id));
  FH_ASSIGN_OR_RETURN(EventLog events, EventLog::Open(run.fd.get()));
  if (ReadResult(run.fd.get())) return Error(ErrorCode::kAlreadyExists, "run " + order.run_id + " has ended meanwhile", EEXIST);
  JsonWriter members;
  members.Key("attempt").Int(order.attempt).Key("memory_limit_mb").Int(order.limits.memory_limit_mb);
  FH_TRY(events.Append("attempt_submitted", members.text()));
  for (const auto& [type, what] : given.events) FH_TRY(events.Append(type, what));
  return PublishAttempt(config.state_dir, order.run_id, order.attempt, staged);
}

// The promise of a launch: when it returns, the run is there after a loss of power too. The run itself goes on meanwhile; what it
// does stays in its own directories, so nothing of a run that was lost before its record was safe is anywhere else.
Result<void> MakeDurable(const Config& config, const RunDir& run_dir) {
  const std::string_view not_of_every_run[] = {layout::kRuntimeLock, layout::kInputs, layout::kQueued};
  for (const char* name : {layout::kResolved, layout::kSpec, layout::kEvents, layout::kRuntimeLock, layout::kInputs, layout::kQueued}) {
    const auto file = OpenAt(run_dir.fd.get(), name, O_RDONLY);
    const bool may_miss = std::find(std::begin(not_of_every_run), std::end(not_of_every_run), name) != std::end(not_of_every_run);
    if (!file && file.error().code() == ErrorCode::kNotFound && may_miss) continue;
    if (!file) return file.error();
    FH_TRY(Sync(file->get()));
  }
  FH_TRY(Sync(run_dir.fd.get()));
  return SyncRuns(config.state_dir);
}

// Descriptors that travel with the order.
struct Streams {
  Fd null;
  Fd stdin_file;
  std::vector<int> fds;
};

Result<Streams> StreamsFor(const LaunchRequest& request, const ResolvedRun& run) {
  Streams streams;
  FH_ASSIGN_OR_RETURN(streams.null, OpenAt(kHere, "/dev/null", O_RDWR));
  int stdin_fd = request.stdin_fd;
  if (!run.stdin_path.empty()) {
    // Read by the keeper, which feeds it to the run. O_NONBLOCK: it may have become a FIFO meanwhile.
    FH_ASSIGN_OR_RETURN(streams.stdin_file, OpenAt(kHere, run.stdin_path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(streams.stdin_file));
    if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kUnavailable, fmt::format("stdin {} is not a file any more", Quoted(run.stdin_path)));
    stdin_fd = streams.stdin_file.get();
  }
  for (const int fd : {stdin_fd, request.stdout_fd, request.stderr_fd}) streams.fds.push_back(fd >= 0 ? fd : streams.null.get());
  if (request.slot.fd.valid()) streams.fds.push_back(request.slot.fd.get());
  return streams;
}

// From a box to a run in it.
Result<Launched> FillBox(const LaunchRequest& request, const Config& config, PreparedRun& prepared, const std::string& resolved, KeptBox& box,
                         bool& published) {
  KeeperOrder& order = prepared.order;
  order.ledger_slot = request.slot.slot;
  order.dispatcher = FindDispatcherProgram(config.state_dir, request.submitter.env);
  FH_ASSIGN_OR_RETURN(const Streams streams, StreamsFor(request, prepared.resolved));
  FH_ASSIGN_OR_RETURN(const auto sights, LookBeforeStaging(prepared.resolved));
  FH_TRY(StageIn(prepared.resolved, box.attempt));
  FH_ASSIGN_OR_RETURN(const GivenData given, LookAtGiven(prepared.resolved, sights, box.attempt, config, order.run_id));
  order.remarks = given.remarks;
  NoteChange(config.state_dir, order.run_id, change::kBegins);  // before: see its header
  if (order.attempt == 1) {
    FH_TRY(WriteRecord(prepared, request, resolved, given, box.run));
    FH_TRY(AwaitReady(box));
    FH_TRY(PublishRun(config.state_dir, order.run_id, box.run));
  } else {
    order.remarks.push_back(DescribeEarlier(order.earlier));
    FH_TRY(AwaitReady(box));
    FH_TRY(BeginAnotherAttempt(config, prepared, given, box.run));
  }
  published = true;
  Result<void> sent = SendMessage(box.orders, EncodeOrder(order), streams.fds);
  if (!sent) return std::move(sent).error().Within("hand the order to the keeper");
  const bool is_stranger = box.stranger.valid();
  Result<Fd> keeper = is_stranger ? Result<Fd>(std::move(box.stranger)) : PidfdOpen(box.keeper);  // our unreaped child
  Result<void> durable = keeper ? MakeDurable(config, box.run) : Result<void>(keeper.error());
  if (!durable) {
    if (keeper) (void)PidfdSignal(*keeper, SIGKILL);  // the run ends with it
    if (is_stranger) box.stranger = std::move(keeper).value();
    return std::move(durable).error().Within("make the run durable");
  }
  RememberGiven(given, config);
  return Launched{order.run_id, order.run_dir, box.keeper, std::move(keeper).value(), std::move(box.news)};
}

}  // namespace

// What a full disk makes fail first is chance; what it is and what helps is always the same.
Error WithDisk(Error error, const Config& config) {
  const bool said = error.errno_value() == ENOSPC || error.errno_value() == EDQUOT;
  constexpr uint64_t kNothing = 65536;
  const bool seen = HasNoRoom(config.state_dir, kNothing);
  if (!said && !seen) return error;
  return std::move(error).Within(fmt::format("the disk of the state directory {} is full: make room there (`fumehood gc`), or set FUMEHOOD_STATE to "
                                             "another disk; nothing was started", Quoted(config.state_dir)));
}

namespace {

// Of a launch that failed the caller gets no id, so nothing of it may stay: a run that nobody knows would look like a lost one.
// What another has published under its name meanwhile is that one's.
void TakeBack(KeptBox& box, const Config& config, const std::string& token, const RunId& id, int attempt, bool published) {
  GiveUp(box);
  // A keeper that failed, or had to be killed, could not do this itself.
  if (const auto handle = ReadKeeperHandle(box.run.fd.get())) (void)EndWhatIsLeft(*handle);
  (void)DiscardStagedRun(config.state_dir, token);
  if (!published) return;
  NoteChange(config.state_dir, id, change::kRemoves);
  const auto runs = OpenRunsDir(config.state_dir);
  if (runs && attempt == 1) (void)RemoveTree(runs->get(), id);
  if (!runs || attempt == 1) return;
  if (const auto attempts = OpenBeneath(runs->get(), id + "/" + layout::kAttempts, O_RDONLY | O_DIRECTORY)) {
    (void)RemoveTree(attempts->get(), fmt::format("{}", attempt));
  }
}

// Empty: no warm start is wanted, or there can be none.
Result<std::optional<BoxOrder>> WarmBoxWanted(const Config& config, PreparedRun& prepared) {
  KeeperOrder& order = prepared.order;
  order.warm_wanted = prepared.resolved.spec.warm;
  if (!order.warm_wanted) return std::optional<BoxOrder>();
  order.warm_why_not = order.attempt > 1 ? "a further attempt starts cold" : WhyNotWarm(prepared.resolved, config);
  if (!order.warm_why_not.empty()) return std::optional<BoxOrder>();
  FH_ASSIGN_OR_RETURN(BoxOrder warm, WarmBoxFor(prepared.resolved, order, config));
  return std::optional<BoxOrder>(std::move(warm));
}

Result<KeptBox> StartColdBox(const LaunchRequest& request, const KeeperOrder& order, SpareBoxes* spares) {
  if (spares != nullptr) {
    if (std::optional<KeptBox> box = spares->Take(order.box)) return std::move(*box);
  }
  if (request.keeper != nullptr) return StartBox(order.box, std::move(*request.keeper));
  // A token of its own where the run had its id before: what an earlier start of it left half-made may have that name.
  return StartBox(order.box, request.id.empty() ? order.run_id : NewRunId());
}

Result<Launched> LaunchIn(KeptBox& box, const LaunchRequest& request, const Config& config, PreparedRun& prepared, const std::string& resolved) {
  const std::string token = box.run.id;
  bool published = false;
  auto launched = FillBox(request, config, prepared, resolved, box, published);
  if (!launched) TakeBack(box, config, token, prepared.order.run_id, prepared.order.attempt, published);
  return launched;
}

// Empty: nothing suitable waited, or what waited was of no use; then `prepared` is as it was.
std::optional<Launched> LaunchWarm(const BoxOrder& warm, const LaunchRequest& request, const Config& config, PreparedRun& prepared,
                                   const std::string& resolved) {
  KeeperOrder& order = prepared.order;
  order.warm_why_not = "no interpreter waited that suits this run";
  std::optional<KeptBox> box = TakeWarmBox(warm);
  if (!box) return std::nullopt;
  order.warm_why_not.clear();
  std::vector<HoodStep> steps = std::exchange(order.plan.steps, {});  // walked, to the last one
  auto launched = LaunchIn(*box, request, config, prepared, resolved);
  if (launched) return std::move(launched).value();
  order.plan.steps = std::move(steps);
  order.warm_why_not = "the box that waited was of no use: " + launched.error().message();
  return std::nullopt;
}

Result<Launched> LaunchPrepared(const LaunchRequest& request, const Config& config, PreparedRun& prepared, SpareBoxes* spares) {
  const std::string resolved = PrintResolved(prepared.resolved, prepared.order.plan);
  FH_TRY(EnsureStateDir(config.state_dir));
  FH_TRY(MakeBoxOrder(config, prepared));
  FH_ASSIGN_OR_RETURN(const auto warm, WarmBoxWanted(config, prepared));
  std::optional<Launched> launched = warm ? LaunchWarm(*warm, request, config, prepared, resolved) : std::nullopt;
  if (!launched) {
    FH_ASSIGN_OR_RETURN(KeptBox box, StartColdBox(request, prepared.order, spares));
    FH_ASSIGN_OR_RETURN(launched, LaunchIn(box, request, config, prepared, resolved));
    if (spares != nullptr) spares->Refill(prepared.order.box);
  }
  if (warm) (void)ParkWarmBox(*warm);  // for the next such run; without it that starts cold, and says so
  return std::move(*launched);
}

}  // namespace

Result<Launched> Launch(const LaunchRequest& request, const Config& config, SpareBoxes* spares, const EditOrder& edit) {
  const RunId id = !request.id.empty() ? request.id : request.keeper != nullptr ? request.keeper->token() : NewRunId();
  FH_ASSIGN_OR_RETURN(PreparedRun prepared, Prepare(request.spec, config, request.submitter, id, request.runtime, request.earlier));
  if (prepared.resolved.runtime.needs_activation) {
    FH_ASSIGN_OR_RETURN(const CatalogEntry entry, Catalog(config.state_dir).Find(request.spec.runtime));
    const Result<void> activated = ActivateRuntime(entry, config, request.submitter);
    if (!activated) return RuntimeProblem(activated.error());
    FH_ASSIGN_OR_RETURN(prepared, Prepare(request.spec, config, request.submitter, prepared.order.run_id, nullptr, request.earlier));
  }
  if (edit) edit(prepared.order);
  auto launched = LaunchPrepared(request, config, prepared, spares);
  if (!launched) return WithDisk(std::move(launched).error(), config);
  return launched;
}

Result<bool> ParkAhead(const AnalysisSpec& spec, const Config& config, const Submitter& submitter) {
  FH_ASSIGN_OR_RETURN(PreparedRun prepared, Prepare(spec, config, submitter, NewRunId()));
  FH_TRY(EnsureStateDir(config.state_dir));
  FH_TRY(MakeBoxOrder(config, prepared));
  FH_ASSIGN_OR_RETURN(const auto warm, WarmBoxWanted(config, prepared));
  if (!warm) return Error(ErrorCode::kInvalidArgument, "no interpreter can wait for such runs: " + prepared.order.warm_why_not);
  return ParkWarmBoxAndWait(*warm);
}

Result<void> AwaitKeeper(const Launched& launched) { return AwaitNews(launched.news, "kept"); }

}  // namespace fumehood
