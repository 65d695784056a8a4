#include "src/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr int kBusyMs = 60000;  // the longest a writer holds it is the moment in which a rebuilt index takes the old one's place

Error SqliteError(sqlite3* database, int code, const std::string& doing) {
  const char* why = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const int kind = code & 0xff;  // an extended code has the plain one in its low byte
  const ErrorCode mapped = kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT ? ErrorCode::kCorrupt
                           : kind == SQLITE_FULL                           ? ErrorCode::kResourceExhausted
                           : kind == SQLITE_BUSY || kind == SQLITE_LOCKED  ? ErrorCode::kUnavailable
                           : kind == SQLITE_READONLY || kind == SQLITE_PERM ? ErrorCode::kPermissionDenied
                                                                            : ErrorCode::kInternal;
  return Error(mapped, fmt::format("{}: {}", doing, why));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

// A bind fails where the number is out of range, a bug of ours, or memory has run out: the step that follows says so.
Statement& Statement::Bind(int at, int64_t value) {
  (void)sqlite3_bind_int64(statement_.get(), at, value);
  return *this;
}

Statement& Statement::Bind(int at, double value) {
  (void)sqlite3_bind_double(statement_.get(), at, value);
  return *this;
}

Statement& Statement::Bind(int at, std::string_view value) {
  (void)sqlite3_bind_text64(statement_.get(), at, value.data() == nullptr ? "" : value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindNull(int at) {
  (void)sqlite3_bind_null(statement_.get(), at);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = SqliteError(sqlite3_db_handle(statement_.get()), code, "the store of runs");
  Reset();
  return error;
}

Result<void> Statement::Run() {
  for (;;) {
    FH_ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) break;
  }
  Reset();
  return {};
}

void Statement::Reset() {
  (void)sqlite3_reset(statement_.get());  // repeats the error of the last step, which was told then
  (void)sqlite3_clear_bindings(statement_.get());
  added_ = 0;
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::Double(int column) const { return sqlite3_column_double(statement_.get(), column); }
bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

std::string Statement::Text(int column) const {
  const void* text = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(static_cast<const char*>(text), static_cast<size_t>(size));
}

Result<Database> Database::Open(const std::string& path, Mode mode) {
  // Made by us, for the mode: SQLite would leave that to the umask. Files beside it get the mode of the database.
  if (mode == Mode::kCreate) {
    // O_EXCL: closing a descriptor of a database that is in use drops this process' locks on it (sqlite.org/howtocorrupt.html, 2.2).
    const auto made = OpenAt(kHere, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) return SqliteError(raw, code, "open " + Quoted(path));
  (void)sqlite3_busy_timeout(raw, kBusyMs);
  return database;
}

Result<void> Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return SqliteError(database_.get(), code, "the store of runs");
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql) const {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  Statement statement;
  statement.statement_.reset(raw);
  if (code != SQLITE_OK) return SqliteError(database_.get(), code, "the store of runs");
  return statement;
}

Result<int64_t> Database::QueryInt(const std::string& sql) const {
  FH_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  FH_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

Result<std::string> Database::QueryText(const std::string& sql) const {
  FH_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  FH_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Text(0) : std::string();
}

Result<void> Database::QuickCheck() const {
  FH_ASSIGN_OR_RETURN(const std::string answer, QueryText("PRAGMA quick_check(1)"));
  if (answer == "ok") return {};
  return Error(ErrorCode::kCorrupt, "the store of runs is damaged: " + answer);
}

int64_t Database::changed_rows() const { return sqlite3_changes64(database_.get()); }

Result<Transaction> Transaction::Begin(Database& database) {
  FH_TRY(database.Execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) (void)database_->Execute("ROLLBACK");  // after an error SQLite may have done it already
}

Result<void> Transaction::Commit() {
  FH_TRY(database_->Execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace fumehood
