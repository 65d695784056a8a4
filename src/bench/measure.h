// Measurements of launches: one at a time, several at once, what a keeper weighs, where the time goes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "src/bench/launchers.h"

namespace fumehood {

using Samples = std::vector<double>;  // microseconds, in the order of their taking
double Percentile(Samples samples, double share);  // 0.5: the median; 0 of no samples

// One at a time and all launchers in turn, so that a drift of the machine's speed meets each alike. The first rounds are not
// counted.
Result<std::map<std::string, Samples>> TakeTurns(const Launchers& launchers, int64_t rounds, int64_t pause_ms);

// Launches a second, with `width` under way at any time.
Result<double> AtOnce(const Launcher& launcher, int64_t count, int64_t width);

// Private memory, in KiB, of the keeper of a sleeping run.
Result<int64_t> KeeperMemory(LocalExecutor& executor);

// Of the runs in a state directory that completed: microseconds between the events of their records.
Result<std::map<std::string, Samples>> Stages(const std::string& state_dir);

}  // namespace fumehood
