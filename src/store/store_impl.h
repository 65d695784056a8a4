// The inside of Store, in parts: opening (open_store.cc), catching up (catch_up.cc), making anew (reindex.cc), asking (store.cc).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/record/change_log.h"
#include "src/store/database.h"
#include "src/store/row_codec.h"
#include "src/store/store.h"
#include "src/store/waiting_rows.h"
#include "src/sys/fd.h"

namespace fumehood {

inline constexpr const char* kStoreFile = "store.db";
inline constexpr const char* kStoreLock = "store.lock";

// Runs whose begin or removal was announced and is not seen yet. So long they are looked for; then a look at all names finds them.
inline constexpr int64_t kUnsettledUs = int64_t{24} * 3600 * 1000000;
inline constexpr int64_t kLongLogBytes = int64_t{1} << 20;

// The place of the log of changes, and which boot and state of runs/ the rows are of.
struct Place {
  ChangePlace changes;
  std::string boot_id;
  int64_t runs_mtime_ns = 0;
  bool cutting = false;     // a cut of the log has begun, and nothing says that it ended
  bool complete = false;    // all names were looked at once
  bool operator==(const Place&) const = default;
};
Result<Place> LoadPlace(const Database& database);
Result<void> SavePlace(Database& database, const Place& place);  // within a transaction of the caller

class Store::Impl {
 public:
  Impl(std::string state_dir, StoreOptions options) : state_dir_(std::move(state_dir)), options_(std::move(options)) {
    if (!options_.waiting.list) options_.waiting = WaitingInQueue(state_dir_);
  }

  Result<void> Open();
  Result<void> CatchUp();
  Result<int64_t> Reindex();
  Result<RunPage> List(const RunQuery& query);
  Result<std::optional<RunRow>> Find(const RunId& id);
  Result<std::vector<RunId>> PrefixMatches(const std::string& prefix, size_t limit);
  Result<size_t> UniqueLength(const std::vector<RunId>& ids, size_t shortest);
  Result<std::map<RunStatus, int64_t>> CountByStatus(const RunFilter& filter);
  Result<void> Upsert(const RunRow& row);
  Result<void> Forget(const RunId& id);
  Result<void> Refresh(const RunId& id);
  Result<void> SetDiskUse(const RunId& id, int64_t bytes, int64_t files);
  Result<RunId> ClaimKey(const std::string& key, const RunId& id);
  Result<void> ReleaseKey(const std::string& key, const RunId& id);
  Result<int64_t> Bytes() const;

  // Does `work`; where the database turns out to be damaged, sets it aside, makes it anew and does it again.
  template <typename Work>
  auto Healing(const Work& work) -> decltype(work()) {
    auto done = work();
    if (done || done.error().code() != ErrorCode::kCorrupt) return done;
    const Result<void> healed = MakeAnew(done.error().message());
    if (!healed) return healed.error();
    return work();
  }

 private:
  // open_store.cc
  std::string PathOf(const char* name) const { return state_dir_ + "/" + name; }
  Result<void> OpenDatabase(Database::Mode mode);
  Result<void> MakeAnew(const std::string& why);
  Result<void> SetAside(const std::string& why);
  Result<void> BuildInPlace();
  Result<std::string> FreshPath() const;
  static Result<Database> OpenFresh(const std::string& path);
  Result<void> EnsureCurrent();  // another process may have set the file aside that we have open
  Result<Fd> OpenStoreLock() const;
  void Tell(const std::string& sentence) const;

  // catch_up.cc
  struct Seen {
    std::optional<RunRow> row;
    bool in_runs = false;
  };
  Result<Seen> LookAt(const RunId& id) const;
  Result<bool> WriteWhatIs(RowWriter& writer, const RunId& id);  // true: it is there
  Result<void> TakeChanges();
  Result<bool> TakeSomeChanges();  // true: there may be more
  Result<void> Settle(RowWriter& writer, const std::vector<Change>& changes);
  Result<bool> NothingNew();
  Result<void> LookAtAllNames(const Place& before);
  Result<void> RefreshAll(const std::vector<RunId>& ids);
  Result<void> CutLongLog();
  Result<Place> PlaceNow() const;
  Result<std::vector<RunId>> NamesNow() const;  // of runs/ and of the queue, sorted

  // reindex.cc
  Result<int64_t> FillFromNothing(Database& fresh);
  Result<void> TakePlaceOf(const std::string& fresh_path);

  Result<void> LookAtUnfinished();
  Result<std::vector<RunRow>> Select(const RunQuery& query, int64_t limit, const RunId& after);

  std::string state_dir_;
  StoreOptions options_;
  std::optional<Database> database_;
  int64_t inode_ = 0;  // of the file that is open
  std::vector<std::string> problems_;  // of the last look at the runs that go on
};

}  // namespace fumehood
