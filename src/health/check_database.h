// The thorough check of one database, by command: every page, and every index against its table.
#pragma once

#include <string>

#include "fumehood/config.h"
#include "src/integrity/database_check.h"

namespace fumehood {

struct DatabaseReport {
  std::string path;            // absolute, without links
  DatabaseFindings findings;
  bool by_copy = false;        // it was in use: a consistent copy was checked
  std::string sha256;
};

// At rest the file itself is read; else a copy in the state directory, taken as a run's snapshot is and gone afterwards. What is found is
// kept for `doctor` and for runs.
Result<DatabaseReport> CheckDatabaseFile(const std::string& path, const Config& config);

}  // namespace fumehood
