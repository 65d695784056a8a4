// Brings a run's changes into the work directory and says what was done: `apply` and `run --apply`.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.h"
#include "src/cli/run_changes.h"
#include "src/record/apply.h"

namespace fumehood {

struct BringRequest {
  std::vector<std::string> paths;  // empty: all
  bool force = false;              // overwrite what changed meanwhile
  bool may_ask = false;            // a person sits at standard input
};

struct Brought {
  std::vector<ApplyOutcome> outcomes;
  std::vector<std::string> conflicts;  // not empty: nothing was done, since nobody could be asked
};

// Where nobody can be asked, one conflict keeps everything from being done: half an answer would be worse than none.
Result<Brought> BringOver(const RunChanges& changes, const BringRequest& request);

Error ConflictError(const RunId& id, const std::vector<std::string>& conflicts);
// What was brought over, in one line, and after it what was left and what failed, a line each.
std::string BroughtReport(const RunChanges& changes, const Brought& brought, bool on_terminal);
std::string BroughtJson(const RunId& id, const RunChanges& changes, const Brought& brought);
bool AnyFailed(const Brought& brought);

}  // namespace fumehood
