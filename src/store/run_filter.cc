#include "src/store/run_filter.h"

#include <sqlite3.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/ulid.h"

namespace fumehood {
namespace {

// The first run id of the millisecond: ids sort by time, so that the primary key finds the first run since then.
std::string LowestId(int64_t microseconds) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  constexpr size_t kTimeDigits = 10;
  std::string id(kTimeDigits, '0');
  int64_t milliseconds = std::max<int64_t>(0, microseconds / 1000);
  for (size_t i = kTimeDigits; i-- > 0; milliseconds /= 32) id[i] = kAlphabet[static_cast<size_t>(milliseconds % 32)];
  return id;
}

}  // namespace

FilterSql SqlOf(const RunFilter& filter) {
  FilterSql sql{"1 = 1", {}};
  const auto add = [&](const std::string& condition, std::variant<int64_t, std::string> value) {
    sql.where += " AND " + condition;
    sql.values.push_back(std::move(value));
  };
  if (!filter.statuses.empty()) {
    std::string marks;
    for (const RunStatus status : filter.statuses) {
      marks += marks.empty() ? "?" : ", ?";
      sql.values.emplace_back(std::string(Name(status)));
    }
    sql.where += " AND status IN (" + marks + ")";
  }
  for (const auto& [name, value] : filter.labels) {
    sql.where += " AND run_id IN (SELECT run_id FROM run_labels WHERE name = ? AND value = ?)";
    sql.values.emplace_back(name);
    sql.values.emplace_back(value);
  }
  if (!filter.runtime.empty()) add("runtime = ?", filter.runtime);
  if (filter.reason) add("reason = ?", std::string(Name(*filter.reason)));
  if (!filter.name_glob.empty()) add("name GLOB ?", filter.name_glob);
  if (!filter.pipeline.empty()) add("pipeline = ?", filter.pipeline);
  if (!filter.analysis.empty()) add("analysis = ?", filter.analysis);
  if (filter.since_us) add("run_id >= ?", LowestId(*filter.since_us));
  if (filter.since_us) add("submitted_us >= ?", *filter.since_us);
  if (filter.until_us) add("submitted_us < ?", *filter.until_us);
  if (filter.until_us) add("run_id < ?", LowestId(*filter.until_us + 1000));
  if (filter.pinned) sql.where += *filter.pinned ? " AND pinned = 1" : " AND pinned = 0";
  if (filter.ended) sql.where += " AND final = 1";
  return sql;
}

std::string OrderSql(RunOrder order) {
  switch (order) {
    case RunOrder::kNewest: return "run_id DESC";
    case RunOrder::kOldest: return "run_id";
    case RunOrder::kName: return "name, run_id DESC";
    case RunOrder::kWall: return "wall_s DESC, run_id DESC";
    case RunOrder::kMemory: return "memory_peak_mb DESC, run_id DESC";
    case RunOrder::kCpu: return "cpu_s DESC, run_id DESC";
    case RunOrder::kFinished: return "finished_us DESC, run_id DESC";
    case RunOrder::kDisk: return "disk_bytes DESC, run_id DESC";
  }
  return "run_id DESC";
}

bool Matches(const RunFilter& filter, const RunRow& row) {
  const auto has_label = [&](const auto& label) {
    const auto found = row.labels.find(label.first);
    return found != row.labels.end() && found->second == label.second;
  };
  const bool status = filter.statuses.empty() || std::find(filter.statuses.begin(), filter.statuses.end(), row.status) != filter.statuses.end();
  return status && std::all_of(filter.labels.begin(), filter.labels.end(), has_label) &&
         (filter.runtime.empty() || row.runtime == filter.runtime) && (!filter.reason || row.reason == *filter.reason) &&
         (filter.name_glob.empty() || sqlite3_strglob(filter.name_glob.c_str(), row.name.c_str()) == 0) && (filter.pipeline.empty() || row.pipeline == filter.pipeline) &&
         (filter.analysis.empty() || row.analysis == filter.analysis) && (!filter.since_us || row.submitted_us >= *filter.since_us) &&
         (!filter.until_us || row.submitted_us < *filter.until_us) && (!filter.pinned || row.pinned == *filter.pinned) &&
         (!filter.ended || IsFinal(row.status));
}

}  // namespace fumehood
