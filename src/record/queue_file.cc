#include "src/record/queue_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "src/base/ulid.h"
#include "src/record/run_dir.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr std::string_view kEnding = ".json";
constexpr size_t kLongestEntry = size_t{128} << 20;  // a spec may have 100,000 arguments

std::string FileName(const RunId& id) { return id + std::string(kEnding); }

std::string QueuePath(const std::string& state_dir) { return state_dir + "/" + layout::kQueue; }

}  // namespace

Result<Fd> OpenQueueDir(const std::string& state_dir) {
  auto dir = OpenDir(kHere, QueuePath(state_dir));
  if (dir || dir.error().code() != ErrorCode::kNotFound) return dir;
  FH_TRY(EnsureStateDir(state_dir));
  FH_TRY(MakeDirs(QueuePath(state_dir), 0700));
  dir = OpenDir(kHere, QueuePath(state_dir));
  if (dir) {
    FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
    FH_TRY(Sync(state.get()));  // else a loss of power could take the queue itself
  }
  return dir;
}

Result<void> PutQueueFile(const std::string& state_dir, const RunId& id, std::string_view text) {
  if (text.size() > kLongestEntry) return Error(ErrorCode::kInvalidArgument, "the spec is too long to wait in the queue");
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenQueueDir(state_dir));
  return PublishFile(dir.get(), FileName(id), text, 0600, Durability::kNow);
}

Result<std::string> ReadQueueFile(const std::string& state_dir, const RunId& id) {
  if (!IsRunId(id)) return Error(ErrorCode::kInvalidArgument, "not a run id");
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, QueuePath(state_dir)));
  return ReadFile(dir.get(), FileName(id), kLongestEntry);
}

Result<bool> Waits(const std::string& state_dir, const RunId& id) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, QueuePath(state_dir) + "/" + FileName(id), false));
  return info.has_value();
}

Result<void> RemoveQueueFile(const std::string& state_dir, const RunId& id) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenQueueDir(state_dir));
  if (unlinkat(dir.get(), FileName(id).c_str(), 0) == 0 || errno == ENOENT) return {};
  const int error = errno;
  return ErrnoError(error, "remove " + FileName(id) + " from the queue");
}

Result<std::vector<RunId>> ListWaiting(const std::string& state_dir) {
  std::vector<RunId> ids;
  const auto dir = OpenDir(kHere, QueuePath(state_dir));
  if (!dir && dir.error().code() == ErrorCode::kNotFound) return ids;
  if (!dir) return dir.error();
  FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(dir->get()));
  for (const DirEntry& entry : entries) {
    if (auto id = RunOfQueueFile(entry.name)) ids.push_back(std::move(*id));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::optional<RunId> RunOfQueueFile(std::string_view name) {
  if (!name.ends_with(kEnding)) return std::nullopt;
  RunId id(name.substr(0, name.size() - kEnding.size()));
  if (!IsRunId(id)) return std::nullopt;
  return id;
}

}  // namespace fumehood
