// The steps of a launch, each alone (Google Benchmark). What needs a process of its own is done in a child, the child's cost with
// it: compare with `Child/nothing`. Run as root, on a quiet machine; `fumehood bench` measures whole launches.
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "src/hood/cgroup.h"
#include "src/hood/landlock.h"
#include "src/hood/planner.h"
#include "src/hood/plan_wire.h"
#include "src/hood/seccomp_filter.h"
#include "src/hood/spawn_run.h"
#include "src/record/event_log.h"
#include "src/sys/file.h"
#include "src/sys/in_child.h"

namespace fumehood {
namespace {

// Forks, does it, and waits; skips the benchmark with the reason where it cannot be done.
void InChildOf(benchmark::State& state, const std::function<int()>& step) {
  for (auto _ : state) {
    const auto answer = InChild(step);
    if (!answer || *answer != 0) {
      state.SkipWithError("cannot be done here, or not without root");
      return;
    }
  }
}

void Child(benchmark::State& state, int flags) {
  InChildOf(state, [flags] { return flags == 0 || unshare(flags) == 0 ? 0 : errno; });
}
BENCHMARK_CAPTURE(Child, nothing, 0);
BENCHMARK_CAPTURE(Child, user_namespace, CLONE_NEWUSER);
BENCHMARK_CAPTURE(Child, mount_namespace, CLONE_NEWNS);
BENCHMARK_CAPTURE(Child, ipc_namespace, CLONE_NEWIPC);
BENCHMARK_CAPTURE(Child, uts_namespace, CLONE_NEWUTS);
BENCHMARK_CAPTURE(Child, network_namespace, CLONE_NEWNET);
BENCHMARK_CAPTURE(Child, all_but_pid, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET);

void SystemCallFilter(benchmark::State& state) { InChildOf(state, LoadSeccompFilter); }
BENCHMARK(SystemCallFilter);

void Landlock(benchmark::State& state) {
  InChildOf(state, [] { return ApplyLandlockLines("/tmp\n/dev\n/proc"); });
}
BENCHMARK(Landlock);

void IdMapNamespace(benchmark::State& state) {
  for (auto _ : state) {
    if (!MakeIdMapNamespace({0, 65534}, {0, 65534})) {
      state.SkipWithError("needs root");
      return;
    }
  }
}
BENCHMARK(IdMapNamespace);

// Made, limited and removed; in every hierarchy where they are v1.
void Cgroup(benchmark::State& state) {
  const auto place = FindCgroupPlace("");
  for (auto _ : state) {
    auto cgroup = place ? RunCgroup::Create(*place, "steps-bench", {.memory_bytes = 1 << 28, .cpu_quota = 1, .pids_max = 64})
                        : Result<RunCgroup>(place.error());
    if (!cgroup || !cgroup->Remove()) {
      state.SkipWithError("no cgroup with limits to be had here");
      return;
    }
  }
}
BENCHMARK(Cgroup);

void FindTheCgroup(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(FindCgroupPlace(""));
}
BENCHMARK(FindTheCgroup);

HoodRequest SomeRequest() {
  HoodRequest request;
  request.host = FindHostLayout();
  request.host.etc_tree = "/etc";
  request.attempt_dir = "/state/runs/R/attempts/1";
  request.cwd = "/work";
  request.showings.push_back({.how = Showing::How::kCopyOnWrite, .source = "/work", .target = "/work", .upper = "work", .scratch = "overlay"});
  return request;
}

void Plan(benchmark::State& state) {
  const HoodRequest request = SomeRequest();
  for (auto _ : state) benchmark::DoNotOptimize(PlanHood(request));
}
BENCHMARK(Plan);

void PlanOverTheWire(benchmark::State& state) {
  const HoodPlan plan = PlanHood(SomeRequest());
  for (auto _ : state) benchmark::DoNotOptimize(DecodePlan(EncodePlan(plan)));
}
BENCHMARK(PlanOverTheWire);

// One event appended to a chain, on the disk of the working directory.
void Event(benchmark::State& state, bool synced) {
  char directory[] = "steps-bench-XXXXXX";
  if (mkdtemp(directory) == nullptr) {
    state.SkipWithError("the working directory cannot be written");
    return;
  }
  {
    const auto dir = OpenDir(kHere, directory);
    auto log = dir ? EventLog::Open(dir->get()) : Result<EventLog>(dir.error());
    for (auto _ : state) {
      const bool written = log && log->Append("started", "\"pid\":1") && (!synced || log->Sync());
      if (!written) state.SkipWithError("the event could not be written");
      if (!written) break;
    }
  }
  (void)RemoveTree(kHere, directory);
}
BENCHMARK_CAPTURE(Event, written, false);
BENCHMARK_CAPTURE(Event, synced, true);

}  // namespace
}  // namespace fumehood

BENCHMARK_MAIN();
