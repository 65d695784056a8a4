#include "src/executor/local/snapshot.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/copy_file.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

using std::chrono::steady_clock;

constexpr int kPagesPerStep = 1024;  // 4 MiB of usual pages: a writer waits no longer than that takes
constexpr std::chrono::seconds kPatience{30};  // with a writer that holds the whole database locked
constexpr useconds_t kPause = 50000;

Error SqliteError(sqlite3* database, int code, const std::string& doing) {
  const char* why = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const ErrorCode kind = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? ErrorCode::kCorrupt
                         : code == SQLITE_FULL                           ? ErrorCode::kResourceExhausted
                         : code == SQLITE_BUSY || code == SQLITE_LOCKED  ? ErrorCode::kUnavailable
                                                                         : ErrorCode::kInternal;
  return Error(kind, fmt::format("{}: {}", doing, why));
}

Result<Database> Open(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOFOLLOW, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return SqliteError(raw, code, "open " + Quoted(path));
  return database;
}

constexpr const char* kSidecars[] = {"-wal", "-journal"};

// The database and what may lie beside it, as far as a change of them shows.
struct Sight {
  std::array<std::optional<struct stat>, 1 + std::size(kSidecars)> files;

  bool SameAs(const Sight& other) const {
    for (size_t i = 0; i < files.size(); ++i) {
      if (files[i].has_value() != other.files[i].has_value()) return false;
      if (!files[i]) continue;
      const struct stat& a = *files[i];
      const struct stat& b = *other.files[i];
      if (a.st_ino != b.st_ino || a.st_size != b.st_size || a.st_mtim.tv_sec != b.st_mtim.tv_sec || a.st_mtim.tv_nsec != b.st_mtim.tv_nsec ||
          a.st_ctim.tv_sec != b.st_ctim.tv_sec || a.st_ctim.tv_nsec != b.st_ctim.tv_nsec) {
        return false;
      }
    }
    return true;
  }
  bool HasSidecar() const { return files[1] || files[2]; }
  // Times of files move in steps of some milliseconds: what was written longer ago cannot have been written since unseen.
  bool IsOld() const {
    const time_t now = time(nullptr);
    for (const auto& file : files) {
      if (file && file->st_mtim.tv_sec + 1 >= now) return false;
    }
    return true;
  }
};

Result<Sight> LookAt(const std::string& path) {
  Sight sight;
  FH_ASSIGN_OR_RETURN(sight.files[0], FindStat(kHere, path, false));
  for (size_t i = 0; i < std::size(kSidecars); ++i) {
    FH_ASSIGN_OR_RETURN(sight.files[i + 1], FindStat(kHere, path + kSidecars[i], false));
  }
  return sight;
}

// Bytes 18 and 19 of the header: the versions of the format that it takes to write and to read; 2: a write-ahead log
// (sqlite.org/fileformat2.html, section 1.3).
Result<bool> UsesWriteAheadLog(const std::string& path) {
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(kHere, path, O_RDONLY | O_NOFOLLOW));
  std::array<char, 20> header {};
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file.get(), header.data(), header.size(), 0));
  return got == header.size() && header[18] == 2;
}

// Each connection with a write-ahead log holds a shared lock on byte 128 of the -shm file (sqlite.org/walformat.html, section 2.3).
bool SomebodyHasItOpen(const std::string& path) {
  const auto shm = OpenAt(kHere, path + "-shm", O_RDONLY | O_NOFOLLOW);
  if (!shm) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 128;
  lock.l_len = 1;
  return fcntl(shm->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

Result<void> CopyOne(const std::string& from, const std::string& to) {
  FH_ASSIGN_OR_RETURN(const Fd source, OpenAt(kHere, from, O_RDONLY | O_NOFOLLOW));
  FH_ASSIGN_OR_RETURN(const Fd target, OpenAt(kHere, to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  return CopyContents(source.get(), target.get());
}

// SQLite cannot even read such a database without files of its own beside it, which it would leave there. Where nobody has it
// open, the files are copied as they lie, and the copy recovers itself. False: it was being written meanwhile.
Result<bool> CopyAtRest(const std::string& from, const std::string& to) {
  constexpr int kTries = 40;  // two seconds: what was written just now becomes old
  for (int i = 0; i < kTries && !SomebodyHasItOpen(from); ++i) {
    FH_ASSIGN_OR_RETURN(const Sight before, LookAt(from));
    if (!before.IsOld()) {
      (void)usleep(kPause);
      continue;
    }
    FH_TRY(CopyOne(from, to));
    for (size_t n = 0; n < std::size(kSidecars); ++n) {
      if (before.files[n + 1]) FH_TRY(CopyOne(from + kSidecars[n], to + kSidecars[n]));
    }
    FH_ASSIGN_OR_RETURN(const Sight after, LookAt(from));
    if (before.SameAs(after)) return true;
  }
  for (const char* suffix : {"", "-wal", "-journal"}) (void)unlink((to + suffix).c_str());
  return false;
}

// Takes in what lies beside the copy.
Result<void> Recover(const std::string& path) {
  FH_ASSIGN_OR_RETURN(const Database database, Open(path, SQLITE_OPEN_READWRITE));
  const int code = sqlite3_exec(database.get(), "PRAGMA schema_version; PRAGMA wal_checkpoint(TRUNCATE);", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return SqliteError(database.get(), code, "recover the copy");
  return {};
}

Result<void> BackUp(const std::string& from, const std::string& to) {
  FH_ASSIGN_OR_RETURN(const Database source, Open(from, SQLITE_OPEN_READONLY));
  FH_ASSIGN_OR_RETURN(const Database target, Open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  sqlite3_backup* backup = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  if (backup == nullptr) return SqliteError(target.get(), sqlite3_errcode(target.get()), "begin the copy");
  int code = SQLITE_OK;
  int restarts = 0;
  int last_remaining = 0;
  for (auto last_step = steady_clock::now(); steady_clock::now() - last_step < kPatience;) {
    // After some restarts in one step: the writer waits for once, or the copy of a busy database would never end.
    code = sqlite3_backup_step(backup, restarts < 8 ? kPagesPerStep : -1);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
      (void)usleep(kPause);
      continue;
    }
    if (code != SQLITE_OK) break;
    last_step = steady_clock::now();
    const int remaining = sqlite3_backup_remaining(backup);
    if (remaining > last_remaining && last_remaining != 0) ++restarts;
    last_remaining = remaining;
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return Error(ErrorCode::kUnavailable, fmt::format("another program has had it locked for {} s; run again when that program has finished "
                                                      "its transaction, or close it", kPatience.count()));
  }
  if (code != SQLITE_DONE) return SqliteError(nullptr, code, "copy");
  if (finished != SQLITE_OK) return SqliteError(target.get(), finished, "end the copy");
  return {};
}

}  // namespace

Result<void> SnapshotDatabase(const std::string& from, const std::string& to) {
  FH_ASSIGN_OR_RETURN(const bool write_ahead, UsesWriteAheadLog(from));
  FH_ASSIGN_OR_RETURN(const Sight sight, LookAt(from));
  if (write_ahead || sight.HasSidecar()) {
    FH_ASSIGN_OR_RETURN(const bool copied, CopyAtRest(from, to));
    if (copied) return Recover(to);
  }
  return BackUp(from, to);
}

}  // namespace fumehood
