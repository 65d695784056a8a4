#include "src/integrity/database_check.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr size_t kMostFindings = 20;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

// In a URI: every byte but those that can mean nothing there.
std::string UriOf(const std::string& path) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
  std::string uri = "file:";
  for (const char c : path) {
    uri += kPlain.find(c) != std::string_view::npos ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri + "?mode=ro&immutable=1";
}

Result<Database> Open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(UriOf(path).c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return Error(ErrorCode::kInternal, fmt::format("open {}: {}", Quoted(path), sqlite3_errstr(code)));
  // Its schema is somebody else's.
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return database;
}

// Interrupts what a connection does when the time is over. SQLite's own progress handler is not asked within a check.
class Deadline {
 public:
  Deadline(sqlite3* database, std::optional<std::chrono::milliseconds> limit) {
    if (!limit) return;
    thread_ = std::thread([this, database, until = std::chrono::steady_clock::now() + *limit] {
      std::unique_lock lock(mutex_);
      const auto is_done = [this] { return done_; };
      if (changed_.wait_until(lock, until, is_done)) return;
      // Again and again: an interrupt that comes before the statement has begun is lost.
      constexpr std::chrono::milliseconds kAgain{5};
      do {
        sqlite3_interrupt(database);
      } while (!changed_.wait_for(lock, kAgain, is_done));
    });
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() {
    {
      const std::scoped_lock lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  // guarded by mutex_
  std::thread thread_;
};

// What a check says of rows that break a rule of their own table. It is not the file that is damaged then.
bool IsOfRows(std::string_view finding) {
  for (const std::string_view beginning : {"NULL value in ", "CHECK constraint failed in ", "non-unique entry in index "}) {
    if (finding.starts_with(beginning)) return true;
  }
  const bool typed = finding.find(" value in ") != std::string_view::npos;  // "TEXT value in t.n", "non-INT value in t.n"
  return typed && (finding.starts_with("non-") || finding.starts_with("NUMERIC ") || finding.starts_with("TEXT "));
}

void TakeRow(sqlite3_stmt* statement, DatabaseFindings& findings) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  const std::string finding = text == nullptr ? "" : text;
  if (finding != "ok") (IsOfRows(finding) ? findings.other : findings.damage).push_back(finding);
}

bool IsDamage(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB || code == SQLITE_IOERR_SHORT_READ; }

void TakeEnd(sqlite3* database, int code, DatabaseFindings& findings) {
  if (code == SQLITE_DONE) return;
  if (code == SQLITE_INTERRUPT) {
    findings.finished = false;
  } else {
    // A function or a collation of its application's, which only that has: not checked, and not damaged.
    (IsDamage(code) ? findings.damage : findings.other).emplace_back(sqlite3_errmsg(database));
  }
}

bool IsEmpty(const std::string& path) {
  const auto sight = FindSight(path);
  return sight && *sight && (*sight)->size_bytes == 0;
}

}  // namespace

Result<DatabaseFindings> CheckDatabase(const std::string& path, const DatabaseCheck& check) {
  DatabaseFindings findings;
  if (IsEmpty(path)) return findings;
  FH_ASSIGN_OR_RETURN(const Database database, Open(path));
  const std::string pragma = fmt::format("PRAGMA {}({})", check.thorough ? "integrity_check" : "quick_check", kMostFindings);
  const Deadline deadline(database.get(), check.limit);
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v2(database.get(), pragma.c_str(), -1, &raw, nullptr);
  const Statement statement(raw);
  if (code == SQLITE_OK) {
    while ((code = sqlite3_step(raw)) == SQLITE_ROW) TakeRow(raw, findings);
  }
  TakeEnd(database.get(), code, findings);
  return findings;
}

Result<bool> IsSqliteFile(const std::string& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(kHere, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  std::array<char, 16> head{};
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file.get(), head.data(), head.size(), 0));
  return got == 0 || std::string_view(head.data(), got) == kMagic;
}

Result<std::string> DigestDatabase(const std::string& path) {
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(kHere, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  Sha256 digest;
  std::array<char, 65536> buffer;
  for (int64_t at = 0;;) {
    FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file.get(), buffer.data(), buffer.size(), at));
    // Bytes of the header: journal mode, change counter, schema cookie, and the version that wrote it last
    // (sqlite.org/fileformat2.html, section 1.3). A backup sets them anew.
    constexpr std::pair<size_t, size_t> kAnew[] = {{18, 2}, {24, 4}, {40, 4}, {92, 8}};
    for (const auto& [offset, length] : kAnew) {
      if (at == 0 && got >= offset + length) std::fill_n(buffer.begin() + static_cast<ptrdiff_t>(offset), length, '\0');
    }
    digest.Update({buffer.data(), got});
    at += static_cast<int64_t>(got);
    if (got < buffer.size()) return digest.FinishHex();
  }
}

bool DatabaseSight::IsSettled() const {
  for (const auto& part : {file, wal, journal}) {
    if (part && !fumehood::IsSettled(*part)) return false;
  }
  return file.has_value();
}

bool DatabaseSight::IsAtRest() const {
  const auto holds = [](const std::optional<FileSight>& part) { return part && part->size_bytes > 0; };
  return !holds(wal) && !holds(journal);
}

Result<DatabaseSight> LookAtDatabase(const std::string& path) {
  DatabaseSight sight;
  FH_ASSIGN_OR_RETURN(sight.file, FindSight(path));
  FH_ASSIGN_OR_RETURN(sight.wal, FindSight(path + "-wal"));
  FH_ASSIGN_OR_RETURN(sight.journal, FindSight(path + "-journal"));
  return sight;
}

}  // namespace fumehood
