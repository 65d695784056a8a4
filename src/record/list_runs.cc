#include "src/record/list_runs.h"

#include <dirent.h>

#include <algorithm>
#include <cctype>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/queue_file.h"
#include "src/record/run_dir.h"

namespace fumehood {

Result<std::vector<RunId>> ListRuns(const std::string& state_dir) {
  auto runs = OpenDir(kHere, state_dir + "/" + layout::kRuns);
  if (!runs && runs.error().code() == ErrorCode::kNotFound) return std::vector<RunId>();
  if (!runs) return std::move(runs).error();
  FH_ASSIGN_OR_RETURN(std::vector<DirEntry> entries, ListDir(runs->get()));
  std::vector<RunId> ids;
  for (DirEntry& entry : entries) {
    const bool may_be_dir = entry.type == DT_DIR || entry.type == DT_UNKNOWN;  // some file systems do not tell here
    if (may_be_dir && IsRunId(entry.name)) ids.push_back(std::move(entry.name));
  }
  std::sort(ids.begin(), ids.end());  // ULIDs sort by time
  return ids;
}

Result<RunId> FindRunId(const std::string& state_dir, const std::string& text) {
  FH_ASSIGN_OR_RETURN(std::vector<RunId> ids, ListRuns(state_dir));
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(state_dir));
  ids.insert(ids.end(), waiting.begin(), waiting.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (text == "last") {
    if (ids.empty()) return Error(ErrorCode::kNotFound, "no run yet in " + Quoted(state_dir));
    return ids.back();
  }
  std::string wanted = text;
  for (char& c : wanted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::vector<RunId> found;
  for (const RunId& id : ids) {
    if (!wanted.empty() && id.starts_with(wanted)) found.push_back(id);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return Error(ErrorCode::kNotFound, "no run " + Quoted(text) + "; `fumehood ls` lists those that there are");
  constexpr size_t kShown = 3;
  found.resize(std::min(found.size(), kShown));
  return Error(ErrorCode::kInvalidArgument, Quoted(text) + " begins more than one run id: " + Join(found, ", "));
}

}  // namespace fumehood
