// StageIn: what must lie in the attempt directory before a run starts: copies of inputs, snapshots of databases.
#pragma once

#include <string>

#include "fumehood/result.h"
#include "src/executor/local/resolve.h"
#include "src/record/run_dir.h"

namespace fumehood {

Result<void> StageIn(const ResolvedRun& run, const AttemptDir& attempt);

// Where they lie: attempts/N/copies/INDEX/NAME, attempts/N/databases/NAME/FILE.
std::string CopiedInputPath(const std::string& attempt_dir, size_t index, const std::string& source);
std::string SnapshotDir(const std::string& attempt_dir, const ResolvedDatabase& database);
std::string DatabaseFileName(const ResolvedDatabase& database);

}  // namespace fumehood
