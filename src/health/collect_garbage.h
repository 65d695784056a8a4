// Removes ended runs that nobody wants to keep, and what crashes have left, each removal recorded before it is done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/base/clock.h"

namespace fumehood {

struct GarbageRules {
  WallTime older_than;        // of its end; what ended later stays
  int64_t keep_newest = 0;    // so many ended runs stay whatever their age
  bool dry_run = false;       // say what would go
};

struct RemovedRun {
  RunId id;
  std::string name;
  RunStatus status = RunStatus::kUnknown;
  std::string finished_at;
  int64_t files = 0;
  int64_t bytes = 0;
};

struct GarbageReport {
  std::vector<RemovedRun> runs;       // oldest first
  std::vector<std::string> leftovers; // of crashes: directories that were half made or half removed
  std::vector<std::string> problems;  // what could not be looked at or removed, and why
  int64_t kept = 0;                   // runs that stay, those that have not ended among them
};

// The record is <state>/events.jsonl, a chain as each run has one: an event `run_removed` with the counts, the bytes and the
// head of the run's own chain, synced before anything of the run goes. A run that has lost its keeper is ended and recorded as
// lost by the look at it, its cgroup removed with it.
Result<GarbageReport> CollectGarbage(const Config& config, const GarbageRules& rules);

}  // namespace fumehood
