#include "src/executor/local/stage_in.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/executor/local/given_data.h"
#include "src/executor/local/snapshot.h"
#include "src/sys/copy_tree.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<void> CopyInput(const Showing& input, const std::string& to) {
  FH_TRY(MakeDirs(to.substr(0, to.rfind('/')), 0700));
  FH_ASSIGN_OR_RETURN(const Fd parent, OpenDir(kHere, to.substr(0, to.rfind('/'))));
  Result<void> copied = CopyTree(kHere, input.source, parent.get(), BaseName(to));
  if (!copied) return std::move(copied).error().Within("copy input " + Quoted(input.source));
  return {};
}

Result<void> SnapshotInto(const ResolvedDatabase& database, const std::string& dir) {
  FH_TRY(MakeDirs(dir, 0700));
  Result<void> taken = SnapshotDatabase(database.source, dir + "/" + DatabaseFileName(database));
  if (!taken) return std::move(taken).error().Within(fmt::format("take a snapshot of database {}", Quoted(database.source)));
  return {};
}

}  // namespace

std::string CopiedInputPath(const std::string& attempt_dir, size_t index, const std::string& source) {
  return fmt::format("{}/copies/{}/{}", attempt_dir, index, BaseName(source));
}

std::string SnapshotDir(const std::string& attempt_dir, const ResolvedDatabase& database) {
  return fmt::format("{}/databases/{}", attempt_dir, database.name);
}

std::string DatabaseFileName(const ResolvedDatabase& database) { return BaseName(database.source); }

Result<void> StageIn(const ResolvedRun& run, const AttemptDir& attempt) {
  for (size_t i = 0; i < run.inputs.size(); ++i) {
    if (run.inputs[i].how != Showing::How::kOwn) continue;
    FH_TRY(CopyInput(run.inputs[i], CopiedInputPath(attempt.path, i, run.inputs[i].source)));
  }
  for (size_t i = 0; i < run.databases.size(); ++i) {
    const ResolvedDatabase& database = run.databases[i];
    if (database.mode != DatabaseMode::kSnapshot) continue;
    Result<void> taken = SnapshotInto(database, SnapshotDir(attempt.path, database));
    if (!taken && taken.error().code() == ErrorCode::kCorrupt) return DamagedDatabase(i, database.source, {taken.error().message()});
    if (!taken) return taken;
  }
  return {};
}

}  // namespace fumehood
