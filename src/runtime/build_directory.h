// Where builds happen: <state>/runtimes/NAME/build-<ULID>, one for each, never moved and never used again. An environment has its
// own path in its files, so it is made where it stays; it counts only once entry.json points into it.
//
//   <state>/runtimes/.logs/NAME.log     what the tool of the last build printed
//   <state>/cache/packages/TOOL         packages that tools keep for the next build
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"

namespace fumehood {

// All want the lock of the name to be held.
Result<std::string> MakeBuildDirectory(const Catalog& catalog, const std::string& name);
// Names of the directories of builds that the entry does not point into: their makers were killed.
Result<std::vector<std::string>> FindAbandonedBuilds(const Catalog& catalog, const std::string& name);
Result<void> RemoveBuild(const Catalog& catalog, const std::string& name, const std::string& build);

std::string BuildLogPath(const std::string& state_dir, const std::string& name);

// Gives each file that has other names a copy of its own, so that no edit by another name reaches it: tools link the files of
// environments into their caches of packages. How many there were.
Result<int64_t> TakeOwnCopies(const std::string& prefix);

}  // namespace fumehood
