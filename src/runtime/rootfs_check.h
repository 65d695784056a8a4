// CheckRootfs: whether an imported root file system is what was unpacked (rootfs_import.h).
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"
#include "src/runtime/rootfs_manifest.h"

namespace fumehood {

enum class CheckDepth { kQuick, kDeep };  // kQuick: types, modes, sizes, times, links; kDeep: every byte as well

// All that differs from its list of files, in the order of their paths. `identity`: what the catalog says it is, so that a list that
// was changed with the files is noticed too; empty: what its own record says.
Result<std::vector<RuntimeFault>> CheckRootfs(const std::string& target, CheckDepth depth, const std::string& identity = "",
                                              const DigestProgress& progress = nullptr);

}  // namespace fumehood
