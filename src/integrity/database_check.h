// Looks for damage in SQLite databases, and tells one state of a database from another.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/integrity/file_sight.h"

namespace fumehood {

struct DatabaseCheck {
  bool thorough = false;  // PRAGMA integrity_check, which also compares indexes with their tables; else quick_check
  std::optional<std::chrono::milliseconds> limit;
};

struct DatabaseFindings {
  std::vector<std::string> damage;  // the first few, as SQLite words them
  std::vector<std::string> other;   // rows that break a rule of their table, and what kept it from being checked: no damage
  bool finished = true;             // false: the limit was reached before the end
};

// `path` is a file that nobody writes meanwhile: a copy, or a database at rest. Nothing is made beside it. An error: it could not
// be opened at all.
Result<DatabaseFindings> CheckDatabase(const std::string& path, const DatabaseCheck& check);

// False for a file of another kind; an empty file is a database without tables.
Result<bool> IsSqliteFile(const std::string& path);

// Of the database at `path`, which nobody writes meanwhile, without what each copy of it has anew in its header (its counters).
Result<std::string> DigestDatabase(const std::string& path);

// A database with what lies beside it. While both look the same, nothing was written to it.
struct DatabaseSight {
  std::optional<FileSight> file;
  std::optional<FileSight> wal;
  std::optional<FileSight> journal;
  friend bool operator==(const DatabaseSight&, const DatabaseSight&) = default;
  bool IsSettled() const;
  // No transaction of it lies outside the file, as far as can be seen.
  bool IsAtRest() const;
};
Result<DatabaseSight> LookAtDatabase(const std::string& path);

}  // namespace fumehood
