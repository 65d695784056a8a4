// Supervisor: watches one run from its start to the end of its last process.
//
// Theory of operation. One thread, one ppoll. It wakes for: what the child reports, signals to the keeper (a request to kill),
// output, the cgroup's memory and pids events, the end of PID 1, and clocks (time limit, grace, sampling, disk). The first cause
// that ends the run stands; soft causes send SIGTERM to the analysis' process group and kill after the grace period, hard ones
// kill at once. The end is PID 1's word that all it had is dead and reaped, or else its own end: with it the kernel has ended
// everything in its pid namespace.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "fumehood/result.h"
#include "src/keeper/disk_watch.h"
#include "src/keeper/journal.h"
#include "src/keeper/order.h"
#include "src/keeper/box.h"
#include "src/keeper/input_stream.h"
#include "src/keeper/stream.h"
#include "src/keeper/verdict.h"
#include "src/record/usage_csv.h"

namespace fumehood {

class Supervisor {
 public:
  using Clock = std::chrono::steady_clock;

  struct Streams {
    OutputStream& output;
    OutputStream& error_output;
    InputStream& input;
  };
  Supervisor(const KeeperOrder& order, Box& box, Journal& journal, const Streams& streams, DiskWatch& disk, UsageCsv& usage_csv,
             int news_fd, const Fd& signals);

  // Returns when nothing of the run is alive. Fills all of the evidence but what is found out afterwards (outputs).
  void WatchToTheEnd(Evidence& evidence);

  const Isolation& isolation() const { return isolation_; }
  const std::string& started_at() const { return started_at_; }

 private:
  void PollOnce();
  int MillisecondsToNextClock() const;
  void ReadChildReport();
  void OnChildReport(const ChildReport& report);
  void OnStarted();
  void TellWhetherWarm(bool used);
  void OnStepFailed(const HoodPlan& plan, const ChildReport& report);
  void OnSignal();
  void EndByForce();
  void OnMemoryEvent();
  void OnClocks();
  void Sample(Clock::time_point now);
  void AppendUsage(const Usage& usage);
  void CheckIdle(Clock::time_point now);
  void CheckPids();
  void CheckDisk(Clock::time_point now);
  void FindLargest();
  void End(EndedBy cause, bool at_once);
  void KillAll();
  bool ReadCounters();
  void ReadUsage(Usage& usage);

  const KeeperOrder& order_;
  Box& box_;
  Journal& journal_;
  OutputStream& output_;
  OutputStream& error_output_;
  InputStream& input_;
  DiskWatch& disk_;
  UsageCsv& usage_csv_;
  int news_fd_;
  const Fd& signals_;
  Evidence* evidence_ = nullptr;

  bool over_ = false;     // nothing of the analysis is alive
  bool running_ = false;  // the analysis has been executed
  bool killed_ = false;
  std::string why_cold_;  // of a run in a warm box that was not started warm
  std::string started_at_;
  uint64_t namespaces_[8] = {};  // of the run, as its first process saw them
  Isolation isolation_;
  Clock::time_point began_;  // when the analysis was executed
  std::optional<Clock::time_point> time_limit_;
  std::optional<Clock::time_point> kill_at_;
  Clock::time_point next_sample_;
  bool pids_armed_ = true;
  bool memory_armed_ = true;
  CgroupUsage counters_;
  double last_cpu_s_ = -1;
  int64_t last_output_ = -1;
  Clock::time_point last_activity_;
  int64_t last_pids_hits_ = 0;
  std::optional<Clock::time_point> pids_hits_since_;
  int64_t memory_peak_bytes_ = 0;
  int64_t pids_peak_ = 0;
};

}  // namespace fumehood
