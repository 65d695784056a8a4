#include "src/executor/local/warm_start.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/executor/local/parked_python.h"
#include "src/keeper/parking_place.h"
#include "src/record/sha256.h"
#include "src/runtime/catalog.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;

// python, python3, python3.11: by its name on the runtime's PATH, or the runtime's own by its path.
bool IsPython(const std::string& word, const Runtime& runtime) {
  if (word == runtime.interpreter) return word.find("python") != std::string::npos;
  constexpr std::string_view kName = "python";
  if (!word.starts_with(kName)) return false;
  return word.find_first_not_of("0123456789.", kName.size()) == std::string::npos;
}

// SCRIPT, -c TEXT or -m MODULE, and what is the program's own. Options of the interpreter's come too late for one that waits.
bool IsPlainPython(const std::vector<std::string>& argv) {
  if (argv.size() < 2 || argv[1].empty()) return false;
  if (argv[1] == "-c" || argv[1] == "-m") return argv.size() > 2 && !argv[2].empty();
  return argv[1][0] != '-';
}

// What the run's environment would be without its spec's part: of that the waiting interpreter knows nothing.
std::vector<std::string> EnvWithoutSpecs(const ResolvedRun& run) {
  std::vector<std::string> env = run.env;
  std::erase_if(env, [&](const std::string& entry) { return run.spec.env.count(entry.substr(0, entry.find('='))) > 0; });
  return env;
}

// Read by the loader, by the C library and by compiled parts of packages before a run has its word; those that packages of Python's
// own read are noticed by the waiting interpreter (python/parked_python.py).
std::string ReadBeforeTheRun(const ResolvedRun& run) {
  for (const auto& [name, value] : run.spec.env) {
    for (const std::string_view early : {"PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "TZ", "OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_",
                                         "MKL_", "BLIS_", "BLAS_", "NUMEXPR_", "NPY_", "CUDA_", "NVIDIA_", "PATH", "HOME", "TMPDIR"}) {
      if (std::string_view(name).starts_with(early)) return name;
    }
  }
  return "";
}

// By device and inode: what is at a path now may be another file than what a box shows.
std::string Given(const ResolvedRun& run, const KeeperOrder& order) {
  std::string given = fmt::format("{} {}:{}\n", run.workdir, run.workdir_identity.device, run.workdir_identity.inode);
  for (const auto* showings : {&run.runtime_showings, &run.inputs}) {
    for (const Showing& showing : *showings) given += fmt::format("{} {}:{}\n", showing.source, showing.identity.device, showing.identity.inode);
  }
  given += run.runtime.name + " " + run.runtime.identity + "\n";
  return given + Join(order.mount_points, "\n");
}

}  // namespace

std::string WhyNotWarm(const ResolvedRun& run, const Config& config) {
  if (config.warm_boxes == 0) return "warm_boxes is 0 in the configuration";
  const auto packages = Catalog(config.state_dir).WarmImportsOf(run.runtime.name);
  if (!packages) return packages.error().message();
  if (!*packages) return fmt::format("the runtime {0} is not marked for it: `fumehood runtimes warm {0} --import PACKAGE`", run.runtime.name);
  if (run.spec.command_is_script || !IsPython(run.argv[0], run.runtime) || !IsPlainPython(run.argv)) {
    return "only commands of the form python3 SCRIPT, python3 -c TEXT and python3 -m MODULE start warm";
  }
  const std::string early = ReadBeforeTheRun(run);
  if (!early.empty()) return fmt::format("the variable {} is read when an interpreter starts or loads its packages", early);
  if (!run.databases.empty()) return "a run with databases is given copies of its own";
  const auto is_copy = [](const Showing& showing) { return showing.how == Showing::How::kOwn; };
  if (std::any_of(run.inputs.begin(), run.inputs.end(), is_copy)) return "an input of mode copy is made for its run";
  return "";
}

Result<BoxOrder> WarmBoxFor(const ResolvedRun& run, const KeeperOrder& order, const Config& config) {
  FH_ASSIGN_OR_RETURN(const auto packages, Catalog(config.state_dir).WarmImportsOf(run.runtime.name));
  BoxOrder warm = order.box;
  warm.plan.steps.insert(warm.plan.steps.end(), order.plan.steps.begin(), order.plan.steps.end());
  warm.plan.cwd = order.plan.cwd;
  warm.plan.executables = order.plan.executables;
  warm.plan.argv = {run.argv[0], "-c", kParkedPython};
  if (packages) warm.plan.argv.insert(warm.plan.argv.end(), packages->begin(), packages->end());
  warm.plan.env = EnvWithoutSpecs(run);
  WarmBox& box = warm.warm;
  box.parked = order.cgroup_limits;
  if (box.parked.memory_bytes > 0) box.parked.memory_bytes = std::min(box.parked.memory_bytes, config.warm_memory_mb * kMiB);
  if (box.parked.cpu_quota > 0) box.parked.cpu_quota = 1;
  box.parked.background = true;  // a run that goes on meanwhile is not to wait for it
  constexpr int64_t kProcesses = 128;  // the threads of numerical libraries
  if (box.parked.pids_max > 0) box.parked.pids_max = kProcesses;
  box.disk_method = order.disk_method;
  box.disk_limit_mb = order.limits.disk_limit_mb;
  box.inode_limit = order.limits.inode_limit;
  box.own_dirs = order.own_dirs;
  box.given = Given(run, order);
  box.wait_seconds = config.warm_idle_seconds;
  box.pool_size = config.warm_boxes;
  box.key = Sha256Hex(EncodeBoxOrder(warm)).substr(0, 32);
  return warm;
}

std::optional<KeptBox> TakeWarmBox(const BoxOrder& warm) {
  auto taken = TakeParked(warm.state_dir, warm.warm.key);
  if (!taken || !*taken) return std::nullopt;  // a cold start is always right
  KeptBox box;
  box.keeper = (*taken)->keeper;
  box.stranger = std::move((*taken)->keeper_fd);
  box.orders = std::move((*taken)->orders);
  box.news = std::move((*taken)->news);
  box.ready = true;
  auto run = OpenStagedRun(warm.state_dir, (*taken)->token);
  auto attempt = run ? OpenAttemptDir(*run, warm.attempt) : Result<AttemptDir>(run.error());
  if (!attempt) {
    GiveUp(box);
    return std::nullopt;
  }
  box.run = std::move(run).value();
  box.attempt = std::move(attempt).value();
  return box;
}

namespace {

// Its keeper looks again when it takes its place: between two that start at once this count is not the last word.
Result<bool> HasRoom(const BoxOrder& warm) {
  FH_ASSIGN_OR_RETURN(const int64_t waiting, CountParked(warm.state_dir, warm.warm.key));
  return waiting < warm.warm.pool_size;
}

}  // namespace

Result<void> ParkWarmBox(const BoxOrder& warm) {
  FH_ASSIGN_OR_RETURN(const bool room, HasRoom(warm));
  if (room) FH_TRY(StartBox(warm, NewRunId()));
  return {};
}

Result<bool> ParkWarmBoxAndWait(const BoxOrder& warm) {
  FH_ASSIGN_OR_RETURN(const bool room, HasRoom(warm));
  if (!room) return false;
  FH_ASSIGN_OR_RETURN(KeptBox box, StartBox(warm, NewRunId()));
  Result<void> ready = AwaitReady(box);
  if (!ready) return std::move(ready).error().Within("no interpreter waits");
  return true;
}

}  // namespace fumehood
