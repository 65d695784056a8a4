// SQLite as the rest of this folder uses it: owned handles, errors as results.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fumehood/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fumehood {

class Statement {
 public:
  // Parameters count from 1.
  Statement& Bind(int at, int64_t value);
  Statement& Bind(int at, double value);
  Statement& Bind(int at, std::string_view value);  // copied
  Statement& BindNull(int at);
  // The next parameter after those that Add has bound since the last run.
  template <typename T>
  Statement& Add(const T& value) {
    return Bind(++added_, value);
  }
  template <typename T>
  Statement& Add(const std::optional<T>& value) {
    return value ? Bind(++added_, *value) : BindNull(++added_);
  }

  // True: there is a row.
  Result<bool> Step();
  // To the end; the statement can be bound and run again then.
  Result<void> Run();
  void Reset();

  // Of the row; columns count from 0.
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int added_ = 0;
};

class Database {
 public:
  enum class Mode { kCreate, kExisting };
  // Mode 0600. kCorrupt: it is no database, or a damaged one; kUnavailable: another program has it locked for very long.
  static Result<Database> Open(const std::string& path, Mode mode);

  Result<void> Execute(const std::string& sql);  // one or more statements
  Result<Statement> Prepare(std::string_view sql) const;
  Result<int64_t> QueryInt(const std::string& sql) const;
  Result<std::string> QueryText(const std::string& sql) const;
  // kCorrupt, with what is wrong.
  Result<void> QuickCheck() const;
  int64_t changed_rows() const;  // by the last statement

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

// BEGIN IMMEDIATE to COMMIT: one writer at a time. Rolled back where it is not committed.
class Transaction {
 public:
  static Result<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace fumehood
