#include "src/record/run_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/json_text.h"
#include "src/record/result_json.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

Result<void> MakeDirIfMissing(int dir, const std::string& name) {
  Result<void> made = MakeDir(dir, name, 0700);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made;
  return {};
}

Result<void> PointLink(int dir, const std::string& name, const std::string& target) {
  if (symlinkat(target.c_str(), dir, name.c_str()) == 0) return {};
  int error = errno;
  if (error == EEXIST) {
    // A new attempt: by a rename, so that a reader finds the link at any instant.
    const std::string temporary = "." + name + ".tmp";
    (void)unlinkat(dir, temporary.c_str(), 0);  // of a keeper that was killed right here
    error = 0;
    if (symlinkat(target.c_str(), dir, temporary.c_str()) != 0 || renameat(dir, temporary.c_str(), dir, name.c_str()) != 0) {
      error = errno;
    }
  }
  return error == 0 ? Result<void>() : ErrnoError(error, "link " + Quoted(name));
}

// A directory in the state directory, made with mode 0700 where it is not there.
Result<Fd> OpenStateDir(const std::string& state_dir, const char* name) {
  const std::string path = state_dir + "/" + name;
  auto opened = OpenDir(kHere, path);
  if (opened || opened.error().code() != ErrorCode::kNotFound) return opened;
  FH_TRY(MakeDirs(path, 0700));
  return OpenDir(kHere, path);
}

std::string AttemptPath(int number) { return fmt::format("{}/{}", layout::kAttempts, number); }

}  // namespace

Result<void> EnsureStateDir(const std::string& state_dir) {
  FH_TRY(MakeDirs(state_dir, 0700));
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, state_dir));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(dir));
  if (info.st_uid != geteuid()) {
    return Error(ErrorCode::kPermissionDenied, fmt::format("the state directory {} belongs to another user (uid {}); set FUMEHOOD_STATE to one "
                                                           "of your own", Quoted(state_dir), info.st_uid));
  }
  constexpr mode_t kOthers = 077;
  constexpr mode_t kOthersWrite = 022;
  if ((info.st_mode & kOthers) == 0) return {};
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(dir.get()));
  if ((info.st_mode & kOthersWrite) != 0 && !entries.empty()) {
    return Error(ErrorCode::kPermissionDenied, fmt::format("others can write to the state directory {} (mode {:04o}), so what lies in it cannot be trusted; "
                                                           "look it over, then: chmod 700 {}", Quoted(state_dir), info.st_mode & 07777, state_dir));
  }
  if (fchmod(dir.get(), 0700) != 0) {
    const int error = errno;
    return ErrnoError(error, "chmod the state directory " + Quoted(state_dir));
  }
  return {};
}

Result<Fd> OpenRunsDir(const std::string& state_dir) { return OpenStateDir(state_dir, layout::kRuns); }

Result<Fd> OpenStagingDir(const std::string& state_dir) { return OpenStateDir(state_dir, layout::kStaging); }

Result<RunDir> CreateStagedRun(const std::string& state_dir, const std::string& token) {
  if (!IsRunId(token)) return Error(ErrorCode::kInvalidArgument, Quoted(token) + " is not a run id");
  FH_ASSIGN_OR_RETURN(const Fd staging, OpenStagingDir(state_dir));
  FH_TRY(MakeDir(staging.get(), token, 0700));
  return OpenStagedRun(state_dir, token);
}

Result<RunDir> OpenStagedRun(const std::string& state_dir, const std::string& token) {
  RunDir run{token, fmt::format("{}/{}/{}", state_dir, layout::kStaging, token), {}};
  FH_ASSIGN_OR_RETURN(run.fd, OpenAt(kHere, run.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return run;
}

Result<void> PublishRun(const std::string& state_dir, const RunId& id, RunDir& run) {
  if (!IsRunId(id)) return Error(ErrorCode::kInvalidArgument, Quoted(id) + " is not a run id");
  FH_ASSIGN_OR_RETURN(const Fd runs, OpenRunsDir(state_dir));
  if (renameat2(kHere, run.path.c_str(), runs.get(), id.c_str(), RENAME_NOREPLACE) != 0) {
    const int error = errno;
    return ErrnoError(error, "make run " + id + " of " + Quoted(run.path));
  }
  run.id = id;
  run.path = fmt::format("{}/{}/{}", state_dir, layout::kRuns, id);
  return {};
}

Result<void> SyncRuns(const std::string& state_dir) {
  FH_ASSIGN_OR_RETURN(const Fd runs, OpenRunsDir(state_dir));
  return Sync(runs.get());
}

Result<void> DiscardStagedRun(const std::string& state_dir, const std::string& token) {
  FH_ASSIGN_OR_RETURN(const Fd staging, OpenStagingDir(state_dir));
  auto removed = RemoveTree(staging.get(), token);
  if (!removed && removed.error().code() != ErrorCode::kNotFound) return std::move(removed).error();
  return {};
}

Result<AttemptDir> CreateAttemptDir(const RunDir& run, int number) {
  const std::string name = AttemptPath(number);
  FH_TRY(MakeDirIfMissing(run.fd.get(), layout::kAttempts));
  FH_TRY(MakeDir(run.fd.get(), name, 0700));
  AttemptDir attempt{number, run.path + "/" + name, {}};
  FH_ASSIGN_OR_RETURN(attempt.fd, OpenDir(run.fd.get(), name));
  return attempt;
}

Result<void> FurnishAttempt(const RunDir& run, const AttemptDir& attempt) {
  for (const char* part : {layout::kWork, layout::kOverlay, layout::kTmp, layout::kRunTmp, layout::kRunHome}) {
    FH_TRY(MakeDir(attempt.fd.get(), part, 0700));
  }
  FH_ASSIGN_OR_RETURN(const Fd reserve, OpenAt(attempt.fd.get(), layout::kReserve, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  constexpr off_t kReserveBytes = 256 * 1024;  // more than the record of an end takes, but for lists of many outputs
  // Kept size 0: a file system that cannot set room aside has none to give back either.
  if (fallocate(reserve.get(), FALLOC_FL_KEEP_SIZE, 0, kReserveBytes) != 0 && errno == ENOSPC) {
    return Error(ErrorCode::kResourceExhausted, "the disk of " + Quoted(run.path) + " is full: " + ErrnoText(ENOSPC), ENOSPC);
  }
  return PointLinksTo(run, attempt.number);
}

Result<void> PointLinksTo(const RunDir& run, int attempt) {
  for (const char* part : {layout::kWork, layout::kStdout, layout::kStderr}) {
    FH_TRY(PointLink(run.fd.get(), part, AttemptPath(attempt) + "/" + part));
  }
  return {};
}

void GiveReserveBack(const AttemptDir& attempt) { (void)unlinkat(attempt.fd.get(), layout::kReserve, 0); }

std::string StateDirOf(const RunDir& run) { return run.path.substr(0, run.path.size() - run.id.size() - std::string_view(layout::kRuns).size() - 2); }

Result<RunDir> OpenRunDir(const std::string& state_dir, const RunId& id) {
  if (!IsRunId(id)) return Error(ErrorCode::kInvalidArgument, Quoted(id) + " is not a run id (26 letters and digits)");
  RunDir run{id, state_dir + "/" + layout::kRuns + "/" + id, {}};
  auto opened = OpenAt(kHere, run.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!opened && opened.error().code() == ErrorCode::kNotFound) {
    return Error(ErrorCode::kNotFound, "no run " + id + " in " + Quoted(state_dir));
  }
  if (!opened) return std::move(opened).error();
  run.fd = std::move(opened).value();
  return run;
}

Result<AttemptDir> OpenAttemptDir(const RunDir& run, int number) {
  const std::string name = AttemptPath(number);
  AttemptDir attempt{number, run.path + "/" + name, {}};
  FH_ASSIGN_OR_RETURN(attempt.fd, OpenBeneath(run.fd.get(), name, O_RDONLY | O_DIRECTORY));
  return attempt;
}

Result<AttemptDir> OpenLastAttemptDir(const RunDir& run) {
  FH_ASSIGN_OR_RETURN(const Fd attempts, OpenBeneath(run.fd.get(), layout::kAttempts, O_RDONLY | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(attempts.get()));
  int last = 0;
  for (const DirEntry& entry : entries) {
    int number = 0;
    const char* end = entry.name.data() + entry.name.size();
    const auto parsed = std::from_chars(entry.name.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) last = std::max(last, number);
  }
  if (last == 0) return Error(ErrorCode::kNotFound, "run " + run.id + " has no attempt yet");
  return OpenAttemptDir(run, last);
}

std::string PrintKeeperHandle(const KeeperHandle& handle) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(kRecordVersion);
  json.Key("pid").Int(handle.process.pid);
  json.Key("start_ticks").Int(static_cast<int64_t>(handle.process.start_ticks));
  json.Key("boot_id").String(handle.process.boot_id);
  json.Key("attempt").Int(handle.attempt);
  json.Key("hood_uid").Int(handle.hood_uid);
  json.Key("cgroup").BeginObject();
  json.Key("version").String(handle.cgroup_version);
  WriteText(json, "name", handle.cgroup_name);
  WriteText(json, "v2_parent", handle.cgroup_v2_parent);
  WriteText(json, "v2_kill_parent", handle.cgroup_v2_kill_parent);
  json.Key("v1_parents").BeginObject();
  for (const auto& [controller, parent] : handle.cgroup_v1_parents) WriteText(json, controller, parent);
  json.EndObject().EndObject();
  return json.EndObject().Take();
}

Result<void> WriteKeeperHandle(int run_dir, const KeeperHandle& handle, Durability durability) {
  return WriteFileAtomically(run_dir, layout::kKeeper, PrintKeeperHandle(handle) + "\n", 0600, durability);
}

}  // namespace fumehood
