// What the queue costs, against what the machine can do at best: submissions against synced files, launches against fork and exec; how
// long runs wait that find room; what a thousand runs that sleep cost, and what watches over them.
//
//   queue_bench [--runs N] [--sleepers N] [DIRECTORY]     default: 10000 runs, 1000 sleepers, in /var/tmp
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/config/read_config.h"
#include "src/engine/engine.h"
#include "src/record/list_runs.h"
#include "src/record/queue_file.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/store/store.h"
#include "src/engine/waiting_rows.h"
#include "src/sys/file.h"

extern char** environ;

namespace fumehood {
namespace {

struct Wanted {
  int64_t runs = 10000;
  int64_t sleepers = 1000;
  std::string directory = "/var/tmp";
};

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void Say(const std::string& line) { fmt::print("{}\n", line), (void)std::fflush(stdout); }

double ForkExecRate() {
  constexpr int kCount = 500;
  const auto start = Clock::now();
  for (int i = 0; i < kCount; ++i) {
    char program[] = "/bin/true";
    char* argv[] = {program, nullptr};
    pid_t child = 0;
    if (posix_spawn(&child, program, nullptr, nullptr, argv, environ) == 0) (void)waitpid(child, nullptr, 0);
  }
  return kCount / SecondsSince(start);
}

// A small file, synced, and its name in the directory, synced: what one durable record takes at least.
double DurableFileRate(const std::string& directory) {
  constexpr int kCount = 300;
  const std::string path = directory + "/synced";
  if (!MakeDirs(path, 0700)) return 0;
  const auto dir = OpenDir(kHere, path);
  const std::string text(1000, 'x');
  const auto start = Clock::now();
  for (int i = 0; i < kCount; ++i) (void)WriteFileAtomically(dir->get(), fmt::format("{}", i), text, 0600, Durability::kNow);
  return kCount / SecondsSince(start);
}

AnalysisSpec Spec(std::vector<std::string> command) {
  AnalysisSpec spec;
  spec.command = std::move(command);
  spec.memory_limit_mb = 16;
  spec.pids_limit = 8;
  spec.cpu_quota = 1.0;
  spec.disk_limit_mb = 16;
  return spec;
}

int64_t FieldKb(int pid, const char* file, const std::string& field) {
  const auto text = ReadFile(kHere, fmt::format("/proc/{}/{}", pid, file));
  if (!text) return 0;
  const size_t at = text->find(field + ":");
  return at == std::string::npos ? 0 : std::strtoll(text->c_str() + at + field.size() + 1, nullptr, 10);
}

double CpuSeconds(int pid) {
  const auto text = ReadFile(kHere, fmt::format("/proc/{}/stat", pid));
  if (!text) return 0;
  const std::vector<std::string> words = SplitWords(text->substr(text->rfind(')') + 1));
  return words.size() < 13 ? 0 : static_cast<double>(std::stoll(words[11]) + std::stoll(words[12])) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int FindDispatcher(const std::string& state_dir) {
  const auto proc = OpenDir(kHere, "/proc");
  const auto entries = ListDir(proc->get());
  for (const DirEntry& entry : *entries) {
    if (entry.name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto words = ReadFile(kHere, "/proc/" + entry.name + "/cmdline");
    if (!words || words->find("dispatch") == std::string::npos) continue;
    const auto env = ReadFile(kHere, "/proc/" + entry.name + "/environ");
    if (env && env->find("FUMEHOOD_STATE=" + state_dir) != std::string::npos) return std::atoi(entry.name.c_str());
  }
  return -1;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

double SubmitToStartMs(const RunResult& result) {
  const auto from = ParseRfc3339(result.submitted_at);
  const auto to = ParseRfc3339(result.started_at);
  return from && to ? std::chrono::duration<double, std::milli>(*to - *from).count() : 0;
}

Result<void> OneByOne(Engine& engine) {
  std::vector<double> ms;
  for (int i = 0; i < 200; ++i) {
    FH_ASSIGN_OR_RETURN(const RunId id, engine.run_analysis(Spec({"/bin/true"})));
    FH_ASSIGN_OR_RETURN(const RunResult result, engine.Wait(id));
    ms.push_back(SubmitToStartMs(result));
  }
  Say(fmt::format("| from submission to start, with room at once | {:.1f} ms median, {:.1f} ms p99 |  |", Percentile(ms, 0.5), Percentile(ms, 0.99)));
  return {};
}

Result<void> Queued(Engine& engine, const Config& config, const Wanted& wanted) {
  AnalysisSpec all = Spec({"/bin/sleep", "86400"});
  all.timeout_seconds = 86400;
  all.cpu_quota = config.budget_cpus;
  FH_ASSIGN_OR_RETURN(const RunId holder, engine.run_analysis(all));
  const double durable = DurableFileRate(config.state_dir);
  auto start = Clock::now();
  for (int64_t i = 0; i < wanted.runs; ++i) {
    FH_ASSIGN_OR_RETURN(const RunId id, engine.run_analysis(Spec({"/bin/true"})));
  }
  const double submits = static_cast<double>(wanted.runs) / SecondsSince(start);
  Say(fmt::format("| runs queued a second (each one file, synced) | {:.0f} | {:.2f} of {:.0f} synced files a second |", submits, submits / durable, durable));
  const int dispatcher = FindDispatcher(config.state_dir);
  const double bare = ForkExecRate();
  const double cpu_before = CpuSeconds(dispatcher);
  start = Clock::now();
  FH_ASSIGN_OR_RETURN(const bool killed, engine.kill(holder));
  (void)killed;
  int64_t peak_kb = 0;
  double cpu = 0;
  for (;;) {
    peak_kb = std::max(peak_kb, FieldKb(dispatcher, "status", "VmHWM"));
    cpu = std::max(cpu, CpuSeconds(dispatcher));
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(config.state_dir));
    if (waiting.empty()) break;
    usleep(100000);
  }
  const double seconds = SecondsSince(start);
  const double launches = static_cast<double>(wanted.runs) / seconds;
  Say(fmt::format("| launches a second from the queue | {:.0f} | {:.3f} of {:.0f} fork+exec a second, one at a time |", launches, launches / bare, bare));
  Say(fmt::format("| the dispatcher: memory, processor time a launch | {:.0f} MiB, {:.1f} ms |  |", static_cast<double>(peak_kb) / 1024,
                  (cpu - cpu_before) / static_cast<double>(wanted.runs) * 1000));
  FH_ASSIGN_OR_RETURN(Store store, Store::Open(config.state_dir, {.waiting = WaitingRunsOf(config.state_dir)}));
  FH_ASSIGN_OR_RETURN(const int64_t bytes, store.Bytes());
  FH_ASSIGN_OR_RETURN(const auto counts, store.CountByStatus());
  int64_t completed = 0;
  for (const auto& [status, count] : counts) completed += status == RunStatus::kCompleted ? count : 0;
  Say(fmt::format("| the index: size, completed runs in it | {:.1f} MiB, {} |  |", static_cast<double>(bytes) / 1048576, completed));
  return {};
}

// Keepers and first processes, with what is theirs alone.
Result<void> Sleepers(Engine& engine, const Config& config, const Wanted& wanted) {
  AnalysisSpec spec = Spec({"/bin/sleep", "86400"});
  spec.timeout_seconds = 86400;
  std::vector<RunId> ids;
  const auto start = Clock::now();
  for (int64_t i = 0; i < wanted.sleepers; ++i) {
    FH_ASSIGN_OR_RETURN(RunId id, engine.run_analysis(spec));
    ids.push_back(std::move(id));
  }
  for (const RunId& id : ids) {
    for (;;) {
      FH_ASSIGN_OR_RETURN(const RunResult result, engine.check_status(id));
      if (result.status != RunStatus::kPending) break;
      usleep(20000);
    }
  }
  Say(fmt::format("| {} runs that sleep, started in | {:.1f} s |  |", wanted.sleepers, SecondsSince(start)));
  int64_t private_kb = 0;
  int64_t keepers = 0;
  std::vector<int> pids;
  for (const RunId& id : ids) {
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config.state_dir, id));
    FH_ASSIGN_OR_RETURN(const KeeperHandle handle, ReadKeeperHandle(run.fd.get()));
    pids.push_back(handle.process.pid);
    private_kb += FieldKb(handle.process.pid, "smaps_rollup", "Private_Dirty") + FieldKb(handle.process.pid, "smaps_rollup", "Private_Clean");
    ++keepers;
  }
  double before = 0;
  for (const int pid : pids) before += CpuSeconds(pid);
  constexpr int kWatched = 20;
  sleep(kWatched);
  double after = 0;
  for (const int pid : pids) after += CpuSeconds(pid);
  Say(fmt::format("| private memory of a keeper | {:.0f} KiB |  |", static_cast<double>(private_kb) / static_cast<double>(std::max<int64_t>(1, keepers))));
  Say(fmt::format("| processor time of all {} keepers | {:.2f} % of a core |  |", keepers, (after - before) / kWatched * 100));
  Say(fmt::format("| the engine meanwhile | {} |  |", FindDispatcher(config.state_dir) < 0 ? "no process" : "a process"));
  std::atomic<size_t> next{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (size_t at = 0; (at = next++) < ids.size();) (void)engine.kill(ids[at]);
    });
  }
  return {};
}

Result<void> Measure(const Wanted& wanted) {
  const std::string state = fmt::format("{}/fumehood-queue-bench-{}", wanted.directory, getpid());
  // The dispatcher is another process, and reads its configuration as any does.
  (void)setenv("FUMEHOOD_STATE", state.c_str(), 1);
  (void)setenv("FUMEHOOD_BUDGET_CPUS", fmt::format("{}", std::max(2U, std::thread::hardware_concurrency())).c_str(), 1);
  (void)setenv("FUMEHOOD_BUDGET_DISK_MB", "16000000", 1);
  (void)setenv("FUMEHOOD_BUDGET_MEMORY_MB", "16000000", 1);
  (void)setenv("FUMEHOOD_BUDGET_PIDS", "4000000", 1);
  FH_ASSIGN_OR_RETURN(const Config config, ReadConfig(DefaultSources()));
  Submitter submitter = CurrentSubmitter();
  submitter.cwd = wanted.directory + "/" + fmt::format("fumehood-queue-bench-{}-work", getpid());
  FH_TRY(MakeDirs(submitter.cwd, 0700));
  Say("| | measured | of the best |\n|---|--:|--:|");
  Result<void> done;
  {
    Engine engine(config, submitter, config.spare_boxes);
    done = OneByOne(engine);
    if (done && wanted.runs > 0) done = Queued(engine, config, wanted);
    // Those that sleep need no cores: all of them run at once.
    Config wide = config;
    wide.budget_cpus = kHighestLimits.cpu_quota;
    Engine unbounded(wide, submitter, config.spare_boxes);
    for (int i = 0; i < 100 && FindDispatcher(state) > 0; ++i) usleep(100000);  // it would start them within its own budget
    if (done && wanted.sleepers > 0) done = Sleepers(unbounded, wide, wanted);
  }
  for (int i = 0; i < 100 && FindDispatcher(state) > 0; ++i) usleep(100000);
  FH_ASSIGN_OR_RETURN(const Fd parent, OpenDir(kHere, wanted.directory));
  (void)RemoveTree(parent.get(), state.substr(state.rfind('/') + 1));
  (void)RemoveTree(parent.get(), submitter.cwd.substr(submitter.cwd.rfind('/') + 1));
  return done;
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) {
  using namespace fumehood;
  Wanted wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if ((word == "--runs" || word == "--sleepers") && i + 1 < argc) {
      (word == "--runs" ? wanted.runs : wanted.sleepers) = std::atoll(argv[++i]);
    } else if (!word.starts_with('-')) {
      wanted.directory = word;
    } else {
      fmt::print(stderr, "usage: queue_bench [--runs N] [--sleepers N] [DIRECTORY]\n");
      return 2;
    }
  }
  const Result<void> done = Measure(wanted);
  if (done) return 0;
  fmt::print(stderr, "queue_bench: {}\n", done.error().message());
  for (const Problem& problem : done.error().problems()) fmt::print(stderr, "  {}: {}\n", problem.field, problem.message);
  return 1;
}
