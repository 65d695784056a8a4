#include "src/health/check_database.h"

#include <limits.h>

#include <cstdlib>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/executor/local/snapshot.h"
#include "src/integrity/known_state.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// A directory of ours that goes with this object.
class Scratch {
 public:
  static Result<Scratch> Make(const std::string& state_dir) {
    FH_TRY(EnsureStateDir(state_dir));
    FH_ASSIGN_OR_RETURN(Fd state, OpenDir(kHere, state_dir));
    std::string name = "trial-" + NewRunId();
    FH_TRY(MakeDir(state.get(), name, 0700));
    return Scratch(std::move(state), std::move(name));
  }
  Scratch(Scratch&&) = default;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    if (state_.valid()) (void)RemoveTree(state_.get(), name_);
  }
  const std::string& name() const { return name_; }

 private:
  Scratch(Fd state, std::string name) : state_(std::move(state)), name_(std::move(name)) {}
  Fd state_;
  std::string name_;
};

Result<void> CheckWhatIsAt(const std::string& path, DatabaseReport& report) {
  FH_ASSIGN_OR_RETURN(report.findings, CheckDatabase(path, {.thorough = true}));
  FH_ASSIGN_OR_RETURN(report.sha256, DigestDatabase(path));
  return {};
}

Result<void> CheckCopy(const Config& config, DatabaseReport& report) {
  FH_ASSIGN_OR_RETURN(const Scratch scratch, Scratch::Make(config.state_dir));
  const std::string copy = fmt::format("{}/{}/copy", config.state_dir, scratch.name());
  report.by_copy = true;
  const Result<void> taken = SnapshotDatabase(report.path, copy);
  if (!taken && taken.error().code() == ErrorCode::kCorrupt) {
    report.findings.damage = {taken.error().message()};
    return {};
  }
  if (!taken) return taken;
  return CheckWhatIsAt(copy, report);
}

void Remember(const DatabaseReport& report, const DatabaseSight& sight, const Config& config) {
  const KnownState state(config.state_dir);
  auto known = state.FindDatabase(report.path);
  if (!known) return;  // no run was ever given it
  if (known->sight != sight) {
    // Its digest stays what the last run was given: that it was changed since is the next run's to tell.
    if (known->sha256.empty()) return;
    known->sight = sight;
    known->settled = known->sha256 == report.sha256 && sight.IsSettled();
  }
  known->damage = report.findings.damage;
  known->checked = known->damage.empty();
  known->checked_at = Rfc3339(Now());
  known->unfinished_after_s = 0;
  (void)state.Remember(*known);
}

}  // namespace

Result<DatabaseReport> CheckDatabaseFile(const std::string& path, const Config& config) {
  char real[PATH_MAX];
  if (realpath(path.c_str(), real) == nullptr) return Error(ErrorCode::kInvalidArgument, Quoted(path) + ": there is no such file");
  DatabaseReport report{.path = real};
  FH_ASSIGN_OR_RETURN(const DatabaseSight before, LookAtDatabase(report.path));
  if (!before.file) return Error(ErrorCode::kInvalidArgument, Quoted(path) + " is not a file");
  FH_ASSIGN_OR_RETURN(const bool is_sqlite, IsSqliteFile(report.path));
  if (!is_sqlite) return Error(ErrorCode::kInvalidArgument, Quoted(path) + " is no SQLite database");
  if (before.IsAtRest()) {
    FH_TRY(CheckWhatIsAt(report.path, report));
    FH_ASSIGN_OR_RETURN(const DatabaseSight after, LookAtDatabase(report.path));
    if (after == before) {
      Remember(report, before, config);
      return report;
    }
  }
  FH_TRY(CheckCopy(config, report));
  FH_ASSIGN_OR_RETURN(const DatabaseSight after, LookAtDatabase(report.path));
  if (after == before) Remember(report, before, config);
  return report;
}

}  // namespace fumehood
