// A RunRow in the columns of the table `runs`.
#pragma once

#include <string>

#include "src/store/database.h"
#include "src/store/run_row.h"

namespace fumehood {

// Column names in the order of ReadRow, separated by commas.
const std::string& RowColumns();
RunRow ReadRow(const Statement& statement);

// Writes rows and what hangs on them; for many rows, one object. Within a transaction of the caller.
class RowWriter {
 public:
  static Result<RowWriter> Open(const Database& database);
  // A row of a run that has ended stays where `row` says that it goes on.
  Result<void> Write(const RunRow& row);
  Result<void> Remove(const RunId& id);

 private:
  Statement upsert_, remove_, remove_labels_, add_label_, add_key_;
};

}  // namespace fumehood
