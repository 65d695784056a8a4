// Whether what a tool made is what the file asked for. A tool that ends well and installed something else, or nothing, is believed
// as little as one that fails.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/build_file.h"

namespace fumehood {

// In words, one for each package; none: it is what was asked for. `packages`: the lock of `prefix`, which was just made.
Result<std::vector<std::string>> DifferencesFrom(const BuildFile& file, const std::string& prefix, const std::vector<LockedPackage>& packages);

}  // namespace fumehood
