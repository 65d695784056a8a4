#include "src/store/store.h"

#include <fcntl.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/executor/local/recover.h"
#include "src/record/run_dir.h"
#include "src/store/run_filter.h"
#include "src/store/store_impl.h"
#include "src/sys/file.h"

namespace fumehood {

Result<std::vector<RunRow>> Store::Impl::Select(const RunQuery& query, int64_t limit, const RunId& after) {
  const FilterSql filter = SqlOf(query.filter);
  std::string sql = fmt::format("SELECT {} FROM runs WHERE {}", RowColumns(), filter.where);
  if (!after.empty()) sql += query.order == RunOrder::kOldest ? " AND run_id > ?" : " AND run_id < ?";
  sql += fmt::format(" ORDER BY {} LIMIT {}", OrderSql(query.order), limit);
  FH_ASSIGN_OR_RETURN(Statement select, database_->Prepare(sql));
  int at = 0;
  for (const auto& value : filter.values) {
    std::visit([&](const auto& plain) { select.Bind(++at, plain); }, value);
  }
  if (!after.empty()) select.Bind(++at, after);
  std::vector<RunRow> rows;
  for (;;) {
    FH_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return rows;
    rows.push_back(ReadRow(select));
  }
}

// What a run that has not ended is doing is not for an index to tell. Few runs go on at a time.
Result<void> Store::Impl::LookAtUnfinished() {
  problems_.clear();
  std::vector<std::pair<RunId, RunStatus>> unfinished;
  {
    FH_ASSIGN_OR_RETURN(Statement select, database_->Prepare("SELECT run_id, status, started_us FROM runs WHERE final = 0 AND waits = 0"));
    for (;;) {
      FH_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      const bool told = select.Int(2) != 0;
      unfinished.emplace_back(select.Text(0), told ? ParseRunStatus(select.Text(1)).value_or(RunStatus::kUnknown) : RunStatus::kUnknown);
    }
  }
  std::vector<RunId> changed;
  for (const auto& [id, status] : unfinished) {
    const auto run = OpenRunDir(state_dir_, id);
    const auto sight = run ? Look(*run) : Result<Sight>(run.error());
    if (!sight && sight.error().code() != ErrorCode::kNotFound) problems_.push_back(fmt::format("run {}: {}", id, sight.error().message()));
    if (!sight || sight->result.status != status) changed.push_back(id);
  }
  return RefreshAll(changed);
}

Result<RunPage> Store::Impl::List(const RunQuery& query) {
  return Healing([&]() -> Result<RunPage> {
    FH_TRY(LookAtUnfinished());
    const auto runs = OpenDir(kHere, PathOf(layout::kRuns));
    constexpr int kTries = 3;  // then what is removed at this very moment is shown
    for (int i = 0;; ++i) {
      RunPage page;
      FH_ASSIGN_OR_RETURN(page.rows, Select(query, query.limit < 0 ? -1 : query.limit + 1, query.after));
      std::vector<RunId> gone;
      for (const RunRow& row : page.rows) {
        if (row.waits) continue;
        const auto there = runs ? FindStat(runs->get(), row.id, false) : Result<std::optional<struct stat>>(std::nullopt);
        if (there && !*there) gone.push_back(row.id);
      }
      if (!gone.empty()) FH_TRY(RefreshAll(gone));
      if (!gone.empty() && i < kTries) continue;
      page.more = query.limit >= 0 && static_cast<int64_t>(page.rows.size()) > query.limit;
      if (page.more) page.rows.pop_back();
      page.problems = problems_;
      return page;
    }
  });
}

Result<std::optional<RunRow>> Store::Impl::Find(const RunId& id) {
  return Healing([&]() -> Result<std::optional<RunRow>> {
    FH_ASSIGN_OR_RETURN(Statement select, database_->Prepare(fmt::format("SELECT {} FROM runs WHERE run_id = ?", RowColumns())));
    select.Bind(1, id);
    FH_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return std::optional<RunRow>();
    return std::optional<RunRow>(ReadRow(select));
  });
}

Result<std::vector<RunId>> Store::Impl::PrefixMatches(const std::string& prefix, size_t limit) {
  return Healing([&]() -> Result<std::vector<RunId>> {
    FH_ASSIGN_OR_RETURN(Statement select, database_->Prepare("SELECT run_id FROM runs WHERE run_id >= ? AND run_id < ? ORDER BY run_id LIMIT ?"));
    select.Bind(1, prefix).Bind(2, prefix + "~").Bind(3, static_cast<int64_t>(limit));  // beyond every letter of an id
    std::vector<RunId> ids;
    for (;;) {
      FH_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) return ids;
      ids.push_back(select.Text(0));
    }
  });
}

// Ids are sorted in the index, so only neighbours can begin alike.
Result<size_t> Store::Impl::UniqueLength(const std::vector<RunId>& ids, size_t shortest) {
  return Healing([&]() -> Result<size_t> {
    FH_ASSIGN_OR_RETURN(Statement before, database_->Prepare("SELECT max(run_id) FROM runs WHERE run_id < ?"));
    FH_ASSIGN_OR_RETURN(Statement behind, database_->Prepare("SELECT min(run_id) FROM runs WHERE run_id > ?"));
    size_t length = shortest;
    for (const RunId& id : ids) {
      for (Statement* neighbour : {&before, &behind}) {
        neighbour->Add(id);
        FH_ASSIGN_OR_RETURN(const bool row, neighbour->Step());
        const std::string other = row ? neighbour->Text(0) : std::string();
        neighbour->Reset();
        const auto [a, b] = std::mismatch(id.begin(), id.end(), other.begin(), other.end());
        length = std::max(length, static_cast<size_t>(a - id.begin()) + 1);
      }
    }
    return length;
  });
}

Result<std::map<RunStatus, int64_t>> Store::Impl::CountByStatus(const RunFilter& filter) {
  return Healing([&]() -> Result<std::map<RunStatus, int64_t>> {
    FH_TRY(LookAtUnfinished());
    const FilterSql sql = SqlOf(filter);
    FH_ASSIGN_OR_RETURN(Statement select, database_->Prepare("SELECT status, count(*) FROM runs WHERE " + sql.where + " GROUP BY status"));
    int at = 0;
    for (const auto& value : sql.values) {
      std::visit([&](const auto& plain) { select.Bind(++at, plain); }, value);
    }
    std::map<RunStatus, int64_t> counts;
    for (;;) {
      FH_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) return counts;
      counts[ParseRunStatus(select.Text(0)).value_or(RunStatus::kUnknown)] += select.Int(1);
    }
  });
}

Result<void> Store::Impl::Upsert(const RunRow& row) {
  FH_TRY(EnsureCurrent());
  return Healing([&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    {
      FH_ASSIGN_OR_RETURN(RowWriter writer, RowWriter::Open(*database_));
      FH_TRY(writer.Write(row));
    }
    return transaction.Commit();
  });
}

Result<void> Store::Impl::Forget(const RunId& id) {
  FH_TRY(EnsureCurrent());
  return Healing([&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    {
      FH_ASSIGN_OR_RETURN(RowWriter writer, RowWriter::Open(*database_));
      FH_TRY(writer.Remove(id));
    }
    return transaction.Commit();
  });
}

Result<void> Store::Impl::Refresh(const RunId& id) {
  FH_TRY(EnsureCurrent());
  return Healing([&] { return RefreshAll({id}); });
}

Result<void> Store::Impl::SetDiskUse(const RunId& id, int64_t bytes, int64_t files) {
  FH_TRY(EnsureCurrent());
  return Healing([&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(Statement update, database_->Prepare("UPDATE runs SET disk_bytes = ?, disk_files = ? WHERE run_id = ?"));
    update.Bind(1, bytes).Bind(2, files).Bind(3, id);
    return update.Run();
  });
}

Result<RunId> Store::Impl::ClaimKey(const std::string& key, const RunId& id) {
  FH_TRY(EnsureCurrent());
  return Healing([&]() -> Result<RunId> {
    FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    {
      FH_ASSIGN_OR_RETURN(Statement insert, database_->Prepare("INSERT OR IGNORE INTO idempotency_keys (idempotency_key, run_id) VALUES (?, ?)"));
      insert.Bind(1, key).Bind(2, id);
      FH_TRY(insert.Run());
    }
    RunId holder;
    {
      FH_ASSIGN_OR_RETURN(Statement select, database_->Prepare("SELECT run_id FROM idempotency_keys WHERE idempotency_key = ?"));
      select.Bind(1, key);
      FH_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (row) holder = select.Text(0);
    }
    FH_TRY(transaction.Commit());
    return holder;
  });
}

Result<void> Store::Impl::ReleaseKey(const std::string& key, const RunId& id) {
  FH_TRY(EnsureCurrent());
  return Healing([&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(Statement remove, database_->Prepare("DELETE FROM idempotency_keys WHERE idempotency_key = ? AND run_id = ?"));
    remove.Bind(1, key).Bind(2, id);
    return remove.Run();
  });
}

Result<int64_t> Store::Impl::Bytes() const {
  int64_t bytes = 0;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, PathOf(kStoreFile) + suffix, false));
    if (info) bytes += info->st_size;
  }
  return bytes;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::Open(const std::string& state_dir, StoreOptions options) {
  auto impl = std::make_unique<Impl>(state_dir, std::move(options));
  FH_TRY(impl->Open());
  FH_TRY(impl->CatchUp());
  return Store(std::move(impl));
}

Result<void> Store::CatchUp() { return impl_->CatchUp(); }
Result<int64_t> Store::Reindex() { return impl_->Reindex(); }
Result<RunPage> Store::List(const RunQuery& query) { return impl_->List(query); }
Result<std::optional<RunRow>> Store::Find(const RunId& id) { return impl_->Find(id); }
Result<std::vector<RunId>> Store::PrefixMatches(const std::string& prefix, size_t limit) { return impl_->PrefixMatches(prefix, limit); }
Result<size_t> Store::UniqueLength(const std::vector<RunId>& ids, size_t shortest) { return impl_->UniqueLength(ids, shortest); }
Result<std::map<RunStatus, int64_t>> Store::CountByStatus(const RunFilter& filter) { return impl_->CountByStatus(filter); }
Result<void> Store::Upsert(const RunRow& row) { return impl_->Upsert(row); }
Result<void> Store::Forget(const RunId& id) { return impl_->Forget(id); }
Result<void> Store::Refresh(const RunId& id) { return impl_->Refresh(id); }
Result<void> Store::SetDiskUse(const RunId& id, int64_t bytes, int64_t files) { return impl_->SetDiskUse(id, bytes, files); }
Result<RunId> Store::ClaimKey(const std::string& key, const RunId& id) { return impl_->ClaimKey(key, id); }
Result<void> Store::ReleaseKey(const std::string& key, const RunId& id) { return impl_->ReleaseKey(key, id); }
Result<int64_t> Store::Bytes() const { return impl_->Bytes(); }

}  // namespace fumehood
