// One database that a run is given: checked, hashed, compared with what was known of it.
#pragma once

#include <string>

#include "fumehood/config.h"
#include "src/executor/local/resolve.h"
#include "src/integrity/content.h"
#include "src/integrity/known_state.h"

namespace fumehood {

struct LookedAtDatabase {
  KnownDatabase now;
  bool changed = false;         // since `before`
  std::optional<SeenBy> before; // the run that was given it last
  bool cut_short = false;       // the check took too long, now for the first time
  bool is_sqlite = true;
};

// `copy`: its snapshot; of mode ro the database itself. `sight`: of the database before that was taken.
Result<LookedAtDatabase> LookAtGivenDatabase(const ResolvedDatabase& database, const std::string& copy, const DatabaseSight& sight,
                                             const Config& config, const KnownState& state, ContentBudget& budget);

}  // namespace fumehood
