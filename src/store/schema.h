// The tables of the store, and how an older store becomes one of today.
#pragma once

#include <string>

#include "fumehood/result.h"
#include "src/store/database.h"

namespace fumehood {

// "FHst": in the header of the file (PRAGMA application_id), so that another program's database is known as such.
inline constexpr int64_t kApplicationId = 0x46487374;

// The version that this program writes.
int64_t SchemaVersion();

// Of a database that was just made, or of an older version: brings it to today's, step by step, in one transaction. kUnsupported: of a
// newer version. kCorrupt: not ours at all.
Result<void> Migrate(Database& database, const std::string& path);

}  // namespace fumehood
