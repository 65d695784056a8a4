// What a run is given to read, its inputs and databases: what they hold, whether that is what an earlier run was given, and whether a
// database is damaged. Done beside the making of the box; a run without inputs and databases does nothing of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fumehood/config.h"
#include "src/executor/local/resolve.h"
#include "src/integrity/known_state.h"
#include "src/record/run_dir.h"

namespace fumehood {

struct GivenData {
  std::string manifest;              // inputs.json; empty: there is nothing to tell
  std::vector<std::string> remarks;  // for the notes of the run: whole sentences
  std::vector<std::pair<std::string, std::string>> events;  // type and members
  std::vector<KnownInput> inputs;    // to be remembered once the run is there
  std::vector<KnownDatabase> databases;
};

// Before anything is staged: what is written to a database from now on shows.
Result<std::vector<DatabaseSight>> LookBeforeStaging(const ResolvedRun& run);

// Once copies and snapshots are there. An error with problems: a database is damaged.
Result<GivenData> LookAtGiven(const ResolvedRun& run, const std::vector<DatabaseSight>& sights, const AttemptDir& attempt, const Config& config,
                              const RunId& id);

// A problem of the spec: what was found, and what can be done.
Error DamagedDatabase(size_t index, const std::string& source, const std::vector<std::string>& damage);

void RememberGiven(const GivenData& given, const Config& config);

}  // namespace fumehood
