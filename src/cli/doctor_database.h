// fumehood doctor --database PATH
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.h"

namespace fumehood {

Result<int> DoctorOfDatabases(const std::vector<std::string>& paths, const Context& context);

}  // namespace fumehood
