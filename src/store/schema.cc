#include "src/store/schema.h"

#include <iterator>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

// Step N makes version N+1 of version N. A step that was released is never changed; see docs/record.md for the tables.
constexpr const char* kSteps[] = {
    // 1
    R"(
    CREATE TABLE runs (
      run_id TEXT NOT NULL PRIMARY KEY,
      name TEXT NOT NULL, status TEXT NOT NULL, final INTEGER NOT NULL, waits INTEGER NOT NULL,
      reason TEXT NOT NULL, exit_code INTEGER, attempt INTEGER NOT NULL,
      runtime TEXT NOT NULL, runtime_lock TEXT NOT NULL, profile TEXT NOT NULL,
      uid INTEGER NOT NULL, priority INTEGER NOT NULL, labels TEXT NOT NULL, pipeline TEXT NOT NULL, step TEXT NOT NULL,
      share TEXT NOT NULL, idempotency_key TEXT NOT NULL, rerun_of TEXT NOT NULL, pinned INTEGER NOT NULL,
      submitted_us INTEGER NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL,
      memory_limit_mb INTEGER NOT NULL, cpu_quota REAL NOT NULL, pids_limit INTEGER NOT NULL, timeout_seconds INTEGER NOT NULL,
      disk_limit_mb INTEGER NOT NULL,
      memory_peak_mb REAL NOT NULL, cpu_s REAL NOT NULL, wall_s REAL NOT NULL, pids_peak INTEGER NOT NULL,
      read_bytes INTEGER NOT NULL, written_bytes INTEGER NOT NULL, throttled_s REAL NOT NULL,
      input_bytes INTEGER NOT NULL, analysis TEXT NOT NULL, disk_bytes INTEGER NOT NULL, disk_files INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX runs_by_status ON runs (status, run_id);
    CREATE INDEX runs_by_reason ON runs (reason, run_id);
    CREATE INDEX runs_by_runtime ON runs (runtime, run_id);
    CREATE INDEX runs_by_analysis ON runs (analysis, run_id);
    CREATE INDEX runs_by_pipeline ON runs (pipeline, run_id) WHERE pipeline <> '';
    CREATE INDEX runs_unfinished ON runs (run_id) WHERE final = 0;
    CREATE INDEX runs_pinned ON runs (run_id) WHERE pinned = 1;
    CREATE TABLE run_labels (
      name TEXT NOT NULL, value TEXT NOT NULL, run_id TEXT NOT NULL,
      PRIMARY KEY (name, value, run_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX run_labels_of_run ON run_labels (run_id);
    CREATE TABLE idempotency_keys (
      idempotency_key TEXT NOT NULL PRIMARY KEY, run_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unsettled (
      run_id TEXT NOT NULL PRIMARY KEY, what TEXT NOT NULL, since_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE place (
      name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    )",
};

Result<void> Check(Database& database, const std::string& path, int64_t version) {
  FH_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  FH_ASSIGN_OR_RETURN(const int64_t tables, database.QueryInt("SELECT count(*) FROM sqlite_schema"));
  const bool is_new = version == 0 && tables == 0 && application == 0;
  if (!is_new && application != kApplicationId) return Error(ErrorCode::kCorrupt, Quoted(path) + " is another program's database");
  if (version <= SchemaVersion()) return {};
  return Error(ErrorCode::kUnsupported, fmt::format("the store {} was written by a newer Fumehood (its version is {}, this program knows up to {}): use that one, "
                                                    "or move the file away and this one makes its own from the runs", Quoted(path), version, SchemaVersion()));
}

}  // namespace

int64_t SchemaVersion() { return static_cast<int64_t>(std::size(kSteps)); }

Result<void> Migrate(Database& database, const std::string& path) {
  FH_ASSIGN_OR_RETURN(int64_t version, database.QueryInt("PRAGMA user_version"));
  FH_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  if (version == SchemaVersion() && application == kApplicationId) return {};
  // Who looks under the lock finds what another has made of it meanwhile.
  FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database));
  FH_ASSIGN_OR_RETURN(version, database.QueryInt("PRAGMA user_version"));
  FH_TRY(Check(database, path, version));
  for (int64_t step = version; step < SchemaVersion(); ++step) FH_TRY(database.Execute(kSteps[step]));
  FH_TRY(database.Execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, SchemaVersion())));
  return transaction.Commit();
}

}  // namespace fumehood
