#include "src/store/list_from_runs.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "src/executor/local/recover.h"
#include "src/record/list_runs.h"
#include "src/record/run_dir.h"
#include "src/store/run_filter.h"

namespace fumehood {
namespace {

bool Before(RunOrder order, const RunRow& a, const RunRow& b) {
  const auto largest_first = [&](auto member) { return std::tie(b.*member, b.id) < std::tie(a.*member, a.id); };
  switch (order) {
    case RunOrder::kNewest: return b.id < a.id;
    case RunOrder::kOldest: return a.id < b.id;
    case RunOrder::kName: return std::tie(a.name, b.id) < std::tie(b.name, a.id);
    case RunOrder::kWall: return largest_first(&RunRow::wall_s);
    case RunOrder::kMemory: return largest_first(&RunRow::memory_peak_mb);
    case RunOrder::kCpu: return largest_first(&RunRow::cpu_s);
    case RunOrder::kFinished: return largest_first(&RunRow::finished_us);
    case RunOrder::kDisk: return largest_first(&RunRow::disk_bytes);
  }
  return b.id < a.id;
}

}  // namespace

Result<RunPage> ListFromRuns(const std::string& state_dir, const WaitingRuns& waiting, const RunQuery& query) {
  RunPage page;
  std::vector<RunId> ids;
  if (waiting.list) {
    FH_ASSIGN_OR_RETURN(ids, waiting.list());
  }
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> runs, ListRuns(state_dir));
  ids.insert(ids.end(), runs.begin(), runs.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const auto add = [&](RunRow row) {
    const bool in_page = query.after.empty() || (query.order == RunOrder::kOldest ? row.id > query.after : row.id < query.after);
    if (in_page && Matches(query.filter, row)) page.rows.push_back(std::move(row));
  };
  for (const RunId& id : ids) {
    const auto run = OpenRunDir(state_dir, id);
    if (run) {
      const auto sight = Look(*run);
      if (!sight) page.problems.push_back(fmt::format("run {}: {}", id, sight.error().message()));
      add(ReadRunRow(state_dir, *run));
      continue;
    }
    if (!waiting.read) continue;
    FH_ASSIGN_OR_RETURN(auto row, waiting.read(id));
    if (row) add(std::move(*row));
  }
  std::sort(page.rows.begin(), page.rows.end(), [&](const RunRow& a, const RunRow& b) { return Before(query.order, a, b); });
  page.more = query.limit >= 0 && static_cast<int64_t>(page.rows.size()) > query.limit;
  if (page.more) page.rows.resize(static_cast<size_t>(query.limit));
  return page;
}

}  // namespace fumehood
