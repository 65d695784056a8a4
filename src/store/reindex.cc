// The whole index from nothing.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/store/store_impl.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr size_t kBatch = 1024;
constexpr size_t kMostReaders = 8;

}  // namespace

Result<int64_t> Store::Impl::FillFromNothing(Database& fresh) {
  FH_ASSIGN_OR_RETURN(Place place, PlaceNow());
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> names, NamesNow());
  FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(fresh));
  int64_t runs = 0;
  {
    FH_ASSIGN_OR_RETURN(RowWriter writer, RowWriter::Open(fresh));
    const size_t readers = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostReaders);
    for (size_t begin = 0; begin < names.size(); begin += kBatch) {
      const size_t end = std::min(names.size(), begin + kBatch);
      std::vector<Result<Seen>> seen(end - begin, Result<Seen>(Seen{}));
      std::vector<std::thread> threads;
      const auto read = [&](size_t first) {
        for (size_t i = begin + first; i < end; i += readers) seen[i - begin] = LookAt(names[i]);
      };
      for (size_t first = 1; first < readers; ++first) threads.emplace_back(read, first);
      read(0);
      for (std::thread& thread : threads) thread.join();
      for (auto& one : seen) {
        if (!one) return std::move(one).error();
        if (!one->row) continue;
        FH_TRY(writer.Write(*one->row));
        ++runs;
      }
      if (options_.progress) options_.progress(static_cast<int64_t>(end), static_cast<int64_t>(names.size()));
    }
  }
  place.complete = true;
  FH_TRY(SavePlace(fresh, place));
  FH_TRY(transaction.Commit());
  return runs;
}

Result<int64_t> Store::Impl::Reindex() {
  FH_TRY(EnsureCurrent());
  FH_ASSIGN_OR_RETURN(const std::string fresh, FreshPath());
  int64_t runs = 0;
  {
    FH_ASSIGN_OR_RETURN(Database database, OpenFresh(fresh));
    auto filled = FillFromNothing(database);
    if (!filled) (void)unlink(fresh.c_str());
    if (!filled) return filled;
    runs = *filled;
  }
  const Result<void> taken = TakePlaceOf(fresh);
  (void)unlink(fresh.c_str());
  FH_TRY(taken);
  FH_TRY(CatchUp());
  return runs;
}

// Into the file that others may have open, in one transaction: to replace the file beneath them would leave its log of writes to another
// database. Keys that were claimed by runs that are not there yet stay.
Result<void> Store::Impl::TakePlaceOf(const std::string& fresh) {
  const auto swap = [&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(Statement attach, database_->Prepare("ATTACH ? AS fresh"));
    attach.Bind(1, fresh);
    FH_TRY(attach.Run());
    const auto copied = [&]() -> Result<void> {
      FH_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
      FH_TRY(database_->Execute(R"(
        DELETE FROM runs; DELETE FROM run_labels; DELETE FROM place; DELETE FROM unsettled;
        INSERT INTO runs SELECT * FROM fresh.runs;
        INSERT INTO run_labels SELECT * FROM fresh.run_labels;
        INSERT INTO place SELECT * FROM fresh.place;
        INSERT OR REPLACE INTO idempotency_keys SELECT * FROM fresh.idempotency_keys;)"));
      return transaction.Commit();
    }();
    FH_TRY(database_->Execute("DETACH fresh"));
    FH_TRY(copied);
    // Gives the room back that the log of writes has taken; a reader that is still on the old rows keeps it for a while.
    (void)database_->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    return {};
  };
  auto swapped = swap();
  if (swapped || swapped.error().code() != ErrorCode::kCorrupt) return swapped;
  return MakeAnew(swapped.error().message());
}

}  // namespace fumehood
