// The progress line of `run`: how long, how much memory, how many cores. Only for a person who watches and has nothing else to
// look at: standard error is a terminal, standard output is not, and the analysis itself says nothing there.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace fumehood {

struct UsageRow {
  double cpu_s = 0;
  double memory_mb = 0;
};
// The last whole row of usage.csv, from its end; zeros where there is none yet.
UsageRow LastUsageRow(std::string_view tail);

class ProgressLine {
 public:
  ProgressLine(std::string run_dir, bool wanted) : run_dir_(std::move(run_dir)), wanted_(wanted) {}

  int poll_timeout_ms() const { return wanted_ ? 1000 : -1; }
  void Update();  // draws it anew, not in the first two seconds
  void Clear();

 private:
  bool AnalysisSaysSomething() const;

  std::string run_dir_;
  bool wanted_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace fumehood
