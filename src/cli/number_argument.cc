#include "src/cli/number_argument.h"

#include <charconv>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {

Result<std::optional<int64_t>> WholeArgument(const Arguments& arguments, const std::string& flag, int64_t lowest) {
  if (!arguments.Has(flag)) return std::optional<int64_t>();
  const std::string text = arguments.Value(flag);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= lowest) return std::optional<int64_t>(value);
  return Error(ErrorCode::kInvalidArgument, fmt::format("--{} takes a whole number from {} on, not {}", flag, lowest, Quoted(text)));
}

}  // namespace fumehood
