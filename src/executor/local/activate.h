// Runs the activation scripts of a conda prefix, once, sealed as every run is, and keeps what they did to the environment.
#pragma once

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/executor/local/resolve.h"
#include "src/runtime/catalog.h"

namespace fumehood {

Result<void> ActivateRuntime(const CatalogEntry& entry, const Config& config, const Submitter& submitter);

}  // namespace fumehood
