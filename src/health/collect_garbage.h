// Removes ended runs that nobody wants to keep, and what crashes have left, each removal recorded before it is done.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/base/clock.h"
#include "src/health/garbage_plan.h"

namespace fumehood {

struct GarbageRules {
  std::vector<KeepRule> keep;                 // see garbage_plan.h; empty: those of the configuration
  std::map<std::string, std::string> labels;  // only runs with all of these are looked at
  bool dry_run = false;                       // say what would go
};

struct RemovedRun {
  RunId id;
  std::string name;
  RunStatus status = RunStatus::kUnknown;
  std::string finished_at;
  std::string why;
  int64_t files = 0;
  int64_t bytes = 0;
  std::string sha256;  // of the list of what was in it: see ListingOf
};

struct GarbageReport {
  std::vector<RemovedRun> runs;       // oldest first
  std::vector<std::string> leftovers; // of crashes: directories that were half made or half removed; and what health/ knew of things gone
  std::vector<std::string> notes;     // what was done by itself besides: an index made anew
  std::vector<std::string> problems;  // what could not be looked at or removed, and why
  int64_t kept = 0;                   // runs that stay, those that have not ended among them
  int64_t pinned = 0;                 // of those, the pinned
};

// The record is <state>/events.jsonl, a chain as each run has one: an event `run_removed` with the counts, the bytes, the head of the
// run's own chain, and a digest of the list of its files, synced before anything of the run goes. A run that has lost its keeper is ended
// and recorded as lost by the look at it, its cgroup removed with it. Killed at any moment, the next one goes on. At the end it is looked
// whether what was to go has gone and what was to stay is there; a problem is told where not.
Result<GarbageReport> CollectGarbage(const Config& config, const GarbageRules& rules);

}  // namespace fumehood
