#include "src/executor/local/given_database.h"

#include <fcntl.h>

#include "src/base/clock.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Result<std::string> DigestOf(const std::string& path, bool is_sqlite) {
  if (is_sqlite) return DigestDatabase(path);
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(kHere, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  FH_ASSIGN_OR_RETURN(FileDigest digest, DigestFd(file.get()));
  return std::move(digest.sha256);
}

int64_t SizeOf(const std::string& path) {
  const auto sight = FindSight(path);
  return sight && *sight ? (*sight)->size_bytes : 0;
}

bool IsWrittenSince(const KnownDatabase& before, const KnownDatabase& now) {
  if (!before.sha256.empty() && !now.sha256.empty()) return before.sha256 != now.sha256;
  return before.sight != now.sight;
}

// One that took longer than it may the last time is not begun again before every run.
bool IsToBeChecked(const KnownDatabase& now, const Config& config) {
  return config.database_check_seconds > 0 && !now.checked && now.unfinished_after_s < config.database_check_seconds;
}

Result<void> Check(const std::string& copy, const Config& config, LookedAtDatabase& looked) {
  FH_ASSIGN_OR_RETURN(DatabaseFindings found, CheckDatabase(copy, {.limit = std::chrono::seconds(config.database_check_seconds)}));
  KnownDatabase& now = looked.now;
  now.damage = std::move(found.damage);
  now.checked = found.finished && now.damage.empty();
  now.checked_at = Rfc3339(Now());
  now.unfinished_after_s = found.finished ? 0 : config.database_check_seconds;
  looked.cut_short = !found.finished && now.damage.empty();
  return {};
}

}  // namespace

Result<LookedAtDatabase> LookAtGivenDatabase(const ResolvedDatabase& database, const std::string& copy, const DatabaseSight& sight,
                                             const Config& config, const KnownState& state, ContentBudget& budget) {
  LookedAtDatabase looked;
  const auto before = state.FindDatabase(database.source);
  const bool same = before && before->settled && before->sight == sight;
  if (same) {
    looked.now = *before;
  } else {
    looked.now.path = database.source;
    looked.now.sight = sight;
    if (before) looked.now.unfinished_after_s = before->unfinished_after_s;
  }
  KnownDatabase& now = looked.now;
  FH_ASSIGN_OR_RETURN(looked.is_sqlite, IsSqliteFile(copy));
  if (now.sha256.empty() && SizeOf(copy) <= budget.bytes) {
    budget.bytes -= SizeOf(copy);
    FH_ASSIGN_OR_RETURN(now.sha256, DigestOf(copy, looked.is_sqlite));
  }
  if (config.database_check_seconds == 0) now.damage.clear();  // what an earlier check found is not asked about either
  if (looked.is_sqlite && now.damage.empty() && IsToBeChecked(now, config)) FH_TRY(Check(copy, config, looked));
  FH_ASSIGN_OR_RETURN(const DatabaseSight after, LookAtDatabase(database.source));
  const bool stable = after == sight;
  // A file that was read while its owner wrote it can look damaged; a snapshot cannot.
  if (!stable && database.mode == DatabaseMode::kReadOnly) now.damage.clear();
  now.settled = stable && (same || sight.IsSettled());
  if (before && !before->seen.run_id.empty()) {
    looked.before = before->seen;
    looked.changed = !same && IsWrittenSince(*before, now);
  }
  return looked;
}

}  // namespace fumehood
