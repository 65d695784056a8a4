// FindRuntime: from a name to the environment that a run gets.
#pragma once

#include <string>

#include "src/runtime/catalog.h"
#include "src/runtime/conda_activation.h"
#include "src/runtime/runtime.h"

namespace fumehood {

// kNotFound for a name that no runtime has, with the nearest; kUnavailable, beginning with "runtime_unhealthy", for one that is
// not installed here, whose last check failed, or whose files are not what they were then, with the command that mends it; kCorrupt
// for damaged files. It stands on the path of a launch: a few stats and small files, and for a prefix one stat of each of its files.
// `quarantine`: damage is written into the catalog, and nothing else ever.
Result<Runtime> FindRuntime(const Catalog& catalog, const std::string& name, bool quarantine = false);

// The same whatever the last check said: for the check itself.
Result<Runtime> RuntimeOf(const CatalogEntry& entry);

// What the activation of a conda prefix starts from: the part of a run's environment that is the same for every run.
ActivationInput ActivationOf(const RuntimeSource& source);

// What this machine itself can run of an entry's sources; nullptr: nothing.
const RuntimeSource* LocalSource(const CatalogEntry& entry);

}  // namespace fumehood
