// One picture of `fumehood top`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/store/run_row.h"

namespace fumehood {

struct TopRun {
  RunRow row;
  double seconds = 0;              // since its start, or its submission where it waits
  std::vector<double> memory_mb;   // samples, the oldest first
  std::vector<double> cores;       // used between each two
};

struct TopScene {
  std::string time;                // of the picture
  int64_t running = 0, waiting = 0, ended = 0;
  // What the runs that go on may take together of what the host gives; 0: not known.
  int64_t memory_taken_mb = 0, memory_budget_mb = 0;
  int64_t cpu_taken_milli = 0, cpu_budget_milli = 0;
  std::vector<TopRun> runs;        // those that go on, then those that wait, then the latest that ended
  size_t selected = 0;
  std::string message;             // of what was done last
};

// Eight heights from nothing to `most`; the latest `width` of them.
std::string Sparkline(const std::vector<double>& values, double most, size_t width);

// At most `rows` lines of at most `columns` letters.
std::string DrawTop(const TopScene& scene, int columns, int rows, bool on_terminal);

}  // namespace fumehood
