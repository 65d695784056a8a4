// Whether the unpacked packages, out of which a conda prefix was just made, are what they were when they were packed.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"

namespace fumehood {

// Only of the files into which the prefix's path was written: the records have no digest of those that their tool did not work out
// from what lay there, edited or not. All others are held against their digests in the prefix itself. Paths are absolute. A package
// that is not unpacked any more is passed over.
Result<std::vector<RuntimeFault>> CheckPackageCache(const std::string& prefix);

}  // namespace fumehood
