// A filter of runs as SQL, and as a plain function for where there is no store.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "src/store/store.h"

namespace fumehood {

struct FilterSql {
  std::string where;  // "1 = 1" at least
  std::vector<std::variant<int64_t, std::string>> values;  // of its parameters
};
FilterSql SqlOf(const RunFilter& filter);
std::string OrderSql(RunOrder order);

bool Matches(const RunFilter& filter, const RunRow& row);

}  // namespace fumehood
