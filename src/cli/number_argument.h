// Numbers given to flags.
#pragma once

#include <cstdint>
#include <optional>

#include "src/cli/command.h"

namespace fumehood {

// The flag's value as a whole number from `lowest` on; empty when the flag was not given.
Result<std::optional<int64_t>> WholeArgument(const Arguments& arguments, const std::string& flag, int64_t lowest);

}  // namespace fumehood
