// How the store learns what became new: from the log of changes, or, where that does not tell it all, from the names of the runs.
#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/record/list_runs.h"
#include "src/record/run_dir.h"
#include "src/store/store_impl.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

int64_t NowUs() { return Now().time_since_epoch().count(); }

std::string PrintFilePlace(const FilePlace& place) { return fmt::format("{} {} {}", place.inode, place.offset, place.last); }

FilePlace ParseFilePlace(const std::string& text) {
  FilePlace place;
  const char* const end = text.data() + text.size();
  const auto inode = std::from_chars(text.data(), end, place.inode);
  if (inode.ec != std::errc() || inode.ptr == end) return {};
  const auto offset = std::from_chars(inode.ptr + 1, end, place.offset);
  if (offset.ec != std::errc() || offset.ptr == end) return {};
  place.last.assign(offset.ptr + 1, end);
  return place;
}

Result<int64_t> ModifiedNs(const std::string& path) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, path, false));
  constexpr int64_t kSecond = 1000000000;
  return info ? info->st_mtim.tv_sec * kSecond + info->st_mtim.tv_nsec : 0;
}

struct Known {
  bool final = false;
  bool waits = false;
};

Result<std::unordered_map<RunId, Known>> AllKnown(const Database& database) {
  std::unordered_map<RunId, Known> known;
  FH_ASSIGN_OR_RETURN(Statement all, database.Prepare("SELECT run_id, final, waits FROM runs"));
  for (;;) {
    FH_ASSIGN_OR_RETURN(const bool row, all.Step());
    if (!row) return known;
    known[all.Text(0)] = {all.Int(1) != 0, all.Int(2) != 0};
  }
}

Result<std::vector<Change>> Unsettled(const Database& database) {
  std::vector<Change> unsettled;
  FH_ASSIGN_OR_RETURN(Statement all, database.Prepare("SELECT run_id, what FROM unsettled"));
  for (;;) {
    FH_ASSIGN_OR_RETURN(const bool row, all.Step());
    if (!row) return unsettled;
    unsettled.push_back({all.Text(0), all.Text(1)});
  }
}

}  // namespace

Result<Place> LoadPlace(const Database& database) {
  Place place;
  FH_ASSIGN_OR_RETURN(Statement all, database.Prepare("SELECT name, value FROM place"));
  for (;;) {
    FH_ASSIGN_OR_RETURN(const bool row, all.Step());
    if (!row) return place;
    const std::string name = all.Text(0);
    const std::string value = all.Text(1);
    if (name == "log") place.changes.log = ParseFilePlace(value);
    if (name == "old_log") place.changes.old = ParseFilePlace(value);
    if (name == "boot_id") place.boot_id = value;
    if (name == "runs_mtime_ns") (void)std::from_chars(value.data(), value.data() + value.size(), place.runs_mtime_ns);
    if (name == "cutting") place.cutting = value == "1";
    if (name == "complete") place.complete = value == "1";
  }
}

Result<void> SavePlace(Database& database, const Place& place) {
  FH_ASSIGN_OR_RETURN(Statement save, database.Prepare("INSERT OR REPLACE INTO place (name, value) VALUES (?, ?)"));
  const std::pair<const char*, std::string> values[] = {
      {"log", PrintFilePlace(place.changes.log)},    {"old_log", PrintFilePlace(place.changes.old)},
      {"boot_id", place.boot_id},                    {"runs_mtime_ns", fmt::format("{}", place.runs_mtime_ns)},
      {"cutting", place.cutting ? "1" : "0"},        {"complete", place.complete ? "1" : "0"},
  };
  for (const auto& [name, value] : values) {
    save.Bind(1, name).Bind(2, value);
    FH_TRY(save.Run());
  }
  return {};
}

Result<Place> Store::Impl::PlaceNow() const {
  Place place;
  FH_ASSIGN_OR_RETURN(place.boot_id, BootId());
  FH_ASSIGN_OR_RETURN(place.runs_mtime_ns, ModifiedNs(PathOf(layout::kRuns)));
  FH_ASSIGN_OR_RETURN(place.changes, NearEndOfChanges(state_dir_));
  return place;
}

Result<std::vector<RunId>> Store::Impl::NamesNow() const {
  std::vector<RunId> waiting;
  // First the queue: a run goes from there to runs/, never back.
  if (options_.waiting.list) {
    FH_ASSIGN_OR_RETURN(waiting, options_.waiting.list());
  }
  FH_ASSIGN_OR_RETURN(std::vector<RunId> names, ListRuns(state_dir_));
  if (waiting.empty()) return names;
  names.insert(names.end(), waiting.begin(), waiting.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<Store::Impl::Seen> Store::Impl::LookAt(const RunId& id) const {
  for (int again = 0;; ++again) {
    auto run = OpenRunDir(state_dir_, id);
    if (run) return Seen{ReadRunRow(state_dir_, *run), true};
    if (run.error().code() != ErrorCode::kNotFound) return std::move(run).error();
    if (!options_.waiting.read) return Seen{};
    auto waiting = options_.waiting.read(id);
    // A queue file that cannot be read is one run's trouble and no reason to distrust the index; the dispatcher tells of it.
    if (!waiting) return Seen{RowOfSpec(id, AnalysisSpec(), -1), false};
    if (*waiting) {
      (*waiting)->waits = true;
      return Seen{std::move(*waiting), false};
    }
    // It may have become a run between the two looks.
    if (again == 1) return Seen{};
  }
}

Result<bool> Store::Impl::WriteWhatIs(RowWriter& writer, const RunId& id) {
  FH_ASSIGN_OR_RETURN(const Seen seen, LookAt(id));
  FH_TRY(seen.row ? writer.Write(*seen.row) : writer.Remove(id));
  return seen.row.has_value();
}

Result<void> Store::Impl::Settle(RowWriter& writer, const std::vector<Change>& changes) {
  FH_ASSIGN_OR_RETURN(Statement remember, database_->Prepare("INSERT OR REPLACE INTO unsettled (run_id, what, since_us) VALUES (?, ?, ?)"));
  FH_ASSIGN_OR_RETURN(Statement forget, database_->Prepare("DELETE FROM unsettled WHERE run_id = ?"));
  std::map<RunId, std::string> latest;
  for (const Change& change : changes) latest[change.id] = change.what;
  for (const auto& [id, what] : latest) {
    FH_ASSIGN_OR_RETURN(const bool there, WriteWhatIs(writer, id));
    const bool announced = what == change::kQueued || what == change::kBegins || what == change::kRemoves;
    const bool seen = what == change::kRemoves ? !there : there;
    if (announced && !seen) {
      remember.Bind(1, id).Bind(2, what).Bind(3, NowUs());
      FH_TRY(remember.Run());
    } else {
      forget.Bind(1, id);
      FH_TRY(forget.Run());
    }
  }
  return {};
}

// Without a lock: most of the time nothing is.
Result<bool> Store::Impl::NothingNew() {
  FH_ASSIGN_OR_RETURN(const Place place, LoadPlace(*database_));
  FH_ASSIGN_OR_RETURN(const std::string boot, BootId());
  if (!place.complete || place.cutting || place.boot_id != boot) return false;
  FH_ASSIGN_OR_RETURN(const int64_t modified, ModifiedNs(PathOf(layout::kRuns)));
  if (modified != place.runs_mtime_ns) return false;
  FH_ASSIGN_OR_RETURN(const NewChanges news, ReadChanges(state_dir_, place.changes));
  if (news.missed || !news.changes.empty()) return false;
  FH_ASSIGN_OR_RETURN(const int64_t unsettled, database_->QueryInt("SELECT count(*) FROM unsettled"));
  return unsettled == 0;
}

Result<bool> Store::Impl::TakeSomeChanges() {
  FH_ASSIGN_OR_RETURN(const std::string boot, BootId());
  Place before;
  bool look_at_all = false;
  {
    FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    FH_ASSIGN_OR_RETURN(Place place, LoadPlace(*database_));
    FH_ASSIGN_OR_RETURN(const int64_t modified, ModifiedNs(PathOf(layout::kRuns)));
    FH_ASSIGN_OR_RETURN(NewChanges news, ReadChanges(state_dir_, place.changes));
    look_at_all = !place.complete || place.cutting || place.boot_id != boot || news.missed;
    FH_ASSIGN_OR_RETURN(const std::vector<Change> unsettled, Unsettled(*database_));
    // Somebody made or removed a run without a word: copied one back, say.
    if (news.changes.empty() && unsettled.empty() && modified != place.runs_mtime_ns) look_at_all = true;
    if (!look_at_all) {
      std::vector<Change> changes = unsettled;
      changes.insert(changes.end(), news.changes.begin(), news.changes.end());
      {
        FH_ASSIGN_OR_RETURN(RowWriter writer, RowWriter::Open(*database_));
        FH_TRY(Settle(writer, changes));
        FH_TRY(database_->Execute(fmt::format("DELETE FROM unsettled WHERE since_us < {}", NowUs() - kUnsettledUs)));
      }
      place.changes = news.place;
      place.runs_mtime_ns = modified;
      FH_TRY(SavePlace(*database_, place));
      FH_TRY(transaction.Commit());
      return !news.changes.empty();
    }
  }
  FH_ASSIGN_OR_RETURN(before, PlaceNow());
  FH_TRY(LookAtAllNames(before));
  return true;
}

Result<void> Store::Impl::LookAtAllNames(const Place& before) {
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> names, NamesNow());
  FH_ASSIGN_OR_RETURN(auto known, AllKnown(*database_));
  std::vector<RunId> ids;
  for (const RunId& name : names) {
    const auto found = known.find(name);
    if (found == known.end() || !found->second.final) ids.push_back(name);
    if (found != known.end()) known.erase(found);
  }
  for (const auto& [id, what] : known) ids.push_back(id);  // it has no name any more
  FH_TRY(RefreshAll(ids));
  FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  Place place = before;
  place.complete = true;
  FH_TRY(SavePlace(*database_, place));
  return transaction.Commit();
}

Result<void> Store::Impl::RefreshAll(const std::vector<RunId>& ids) {
  constexpr size_t kAtATime = 200;  // others that want to write wait no longer than that takes: some 30 ms
  for (size_t begin = 0; begin < ids.size(); begin += kAtATime) {
    FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    {
      FH_ASSIGN_OR_RETURN(RowWriter writer, RowWriter::Open(*database_));
      for (size_t i = begin; i < std::min(ids.size(), begin + kAtATime); ++i) {
        FH_ASSIGN_OR_RETURN(const bool there, WriteWhatIs(writer, ids[i]));
        (void)there;
      }
    }
    FH_TRY(transaction.Commit());
  }
  return {};
}

Result<void> Store::Impl::CutLongLog() {
  FH_ASSIGN_OR_RETURN(const Place seen, LoadPlace(*database_));
  if (seen.changes.log.offset <= kLongLogBytes && !seen.cutting) return {};
  // Only of the store that is the one by this name: another's place in the log would be lost.
  FH_ASSIGN_OR_RETURN(const Fd lock, OpenStoreLock());
  FH_ASSIGN_OR_RETURN(const bool locked, TryLockExclusive(lock.get()));
  if (!locked) return {};  // the next one does it
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, PathOf(kStoreFile), false));
  if (!there || static_cast<int64_t>(there->st_ino) != inode_) return {};
  {
    // Should this process be killed between the cut and the commit of what it read, the next reader looks at all the names.
    FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    FH_ASSIGN_OR_RETURN(Place place, LoadPlace(*database_));
    place.cutting = true;
    FH_TRY(SavePlace(*database_, place));
    FH_TRY(transaction.Commit());
  }
  FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  FH_ASSIGN_OR_RETURN(Place place, LoadPlace(*database_));
  FH_ASSIGN_OR_RETURN(const NewChanges news, CutChanges(state_dir_, place.changes));
  {
    FH_ASSIGN_OR_RETURN(RowWriter writer, RowWriter::Open(*database_));
    FH_TRY(Settle(writer, news.changes));
  }
  place.changes = news.place;
  place.cutting = false;
  place.complete = place.complete && !news.missed;
  FH_TRY(SavePlace(*database_, place));
  return transaction.Commit();
}

Result<void> Store::Impl::TakeChanges() {
  FH_ASSIGN_OR_RETURN(const bool nothing, NothingNew());
  if (nothing) return {};
  // Bounded: where others write without end, the next call goes on.
  constexpr int kMostRounds = 10000;
  for (int i = 0; i < kMostRounds; ++i) {
    FH_ASSIGN_OR_RETURN(const bool more, TakeSomeChanges());
    if (!more) break;
  }
  return CutLongLog();
}

Result<void> Store::Impl::CatchUp() {
  FH_TRY(EnsureCurrent());
  return Healing([&] { return TakeChanges(); });
}

}  // namespace fumehood
