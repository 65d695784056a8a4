#include "src/bench/measure.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/record/json_reader.h"
#include "src/record/list_runs.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using std::chrono::steady_clock;
using MicrosecondsAsDouble = std::chrono::duration<double, std::micro>;

constexpr int64_t kRoundsToWarmUp = 5;

Result<double> TimeOnce(const Launcher& launcher) {
  const auto start = steady_clock::now();
  Result<void> done = launcher.once();
  const auto taken = steady_clock::now() - start;
  if (!done) return std::move(done).error().Within(launcher.name);
  return MicrosecondsAsDouble(taken).count();
}

// Times of the events of a run, by their types.
std::map<std::string, WallTime> EventTimes(const RunDir& run) {
  std::map<std::string, WallTime> times;
  const auto text = ReadFile(run.fd.get(), layout::kEvents);
  if (!text) return times;
  for (const std::string& line : Split(*text, '\n')) {
    auto event = JsonReader::Parse(line);
    if (!event) continue;
    const auto time = ParseRfc3339(event->String("time"));
    if (time) times[event->String("type")] = *time;
  }
  return times;
}

}  // namespace

double Percentile(Samples samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<size_t>(static_cast<double>(samples.size()) * share))];
}

Result<std::map<std::string, Samples>> TakeTurns(const Launchers& launchers, int64_t rounds, int64_t pause_ms) {
  std::map<std::string, Samples> samples;
  for (int64_t round = 0; round < rounds + kRoundsToWarmUp; ++round) {
    for (const Launcher& launcher : launchers.list) {
      if (pause_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
      FH_ASSIGN_OR_RETURN(const double taken, TimeOnce(launcher));
      if (round >= kRoundsToWarmUp) samples[launcher.name].push_back(taken);
    }
  }
  return samples;
}

Result<double> AtOnce(const Launcher& launcher, int64_t count, int64_t width) {
  std::atomic<int64_t> left{count};
  std::mutex mutex;
  std::optional<Error> failure;
  const auto start = steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int64_t i = 0; i < width; ++i) {
      threads.emplace_back([&] {
        while (left-- > 0) {
          const Result<void> done = launcher.once();
          if (done) continue;
          const std::scoped_lock lock(mutex);
          if (!failure) failure = done.error();
          left = 0;
        }
      });
    }
  }
  const std::chrono::duration<double> taken = steady_clock::now() - start;
  if (failure) return std::move(*failure).Within(launcher.name);
  return static_cast<double>(count) / taken.count();
}

Result<int64_t> KeeperMemory(LocalExecutor& executor) {
  AnalysisSpec spec;
  spec.command = {"sleep", "60"};
  FH_ASSIGN_OR_RETURN(const RunId id, executor.run_analysis(spec));
  const auto measure = [&]() -> Result<int64_t> {
    FH_ASSIGN_OR_RETURN(const RunResult status, executor.check_status(id));
    FH_ASSIGN_OR_RETURN(const Fd run, OpenDir(kHere, status.run_dir));
    FH_ASSIGN_OR_RETURN(const KeeperHandle handle, ReadKeeperHandle(run.get()));
    FH_ASSIGN_OR_RETURN(const std::string rollup, ReadFile(kHere, fmt::format("/proc/{}/smaps_rollup", handle.process.pid)));
    int64_t kib = 0;
    for (const std::string& line : Split(rollup, '\n')) {
      const std::vector<std::string> words = SplitWords(line);
      if (words.size() >= 2 && words[0].starts_with("Private_")) kib += std::strtoll(words[1].c_str(), nullptr, 10);
    }
    return kib;
  };
  auto memory = measure();
  (void)executor.kill(id);
  return memory;
}

Result<std::map<std::string, Samples>> Stages(const std::string& state_dir) {
  constexpr struct {
    const char* name;
    const char* from;
    const char* to;
  } kStages[] = {{"1. submitted to executed", "submitted", "started"},
                 {"2. executed to ended, all of it reaped", "started", "logs_finished"},
                 {"3. ended to outputs collected", "logs_finished", "outputs_collected"},
                 {"4. outputs collected to record closed", "outputs_collected", "closed"}};
  std::map<std::string, Samples> samples;
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> ids, ListRuns(state_dir));
  for (const RunId& id : ids) {
    const auto run = OpenRunDir(state_dir, id);
    if (!run) continue;
    const auto times = EventTimes(*run);
    for (const auto& stage : kStages) {
      const auto from = times.find(stage.from);
      const auto to = times.find(stage.to);
      if (from != times.end() && to != times.end()) samples[stage.name].push_back(MicrosecondsAsDouble(to->second - from->second).count());
    }
  }
  return samples;
}

}  // namespace fumehood
