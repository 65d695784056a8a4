// Which ended runs go, by rules of age, number and size. Pure: what acts on it is collect_garbage.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/run_result.h"
#include "src/base/clock.h"

namespace fumehood {

struct KeepRule {
  std::string label;                      // "NAME=VALUE": for the runs with it; empty: for those of no other rule
  std::optional<WallTime> ended_before;   // what ended before goes
  std::optional<int64_t> max_runs;        // what is beyond the newest so many goes
  std::optional<int64_t> max_bytes;       // the oldest go until the rest takes no more
  int64_t keep_newest = 0;                // so many stay, whatever the others say
};

// A run that has ended.
struct GarbageCandidate {
  RunId id;
  std::map<std::string, std::string> labels;
  WallTime finished;
  int64_t bytes = 0;  // where a rule of size may be for it
  bool pinned = false;
};

// The rule that is for a run: of the labels it has the first in the order of the rules, else the one without a label; nullptr: none, so
// it stays.
const KeepRule* RuleFor(const std::vector<KeepRule>& rules, const std::map<std::string, std::string>& labels);

// Run ids and why each goes. `candidates`: the newest first. A pinned run never goes, but takes its part of a number or a size.
std::map<RunId, std::string> PlanGarbage(const std::vector<GarbageCandidate>& candidates, const std::vector<KeepRule>& rules);

// As the configuration has them; without one for the default: 30 days.
std::vector<KeepRule> KeepRulesFrom(const std::map<std::string, RetentionRule>& retention, WallTime now);

}  // namespace fumehood
