// The check of a runtime: its files against what their records say, then its interpreter, under the hood, with what the catalog
// says it carries. What it finds is kept in the catalog.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "src/executor/local/resolve.h"
#include "src/runtime/catalog.h"

namespace fumehood {

struct RuntimeCheck {
  RuntimeHealth health;
  std::vector<RuntimeFault> faults;   // foreign files among them, which alone make nothing unhealthy
  std::vector<LockedPackage> packages;
  int64_t files = 0;
  int64_t bytes = 0;                  // that were compared
};

struct RuntimeCheckRequest {
  bool deep = false;                                              // compare every byte
  std::function<void(int64_t done, int64_t total)> progress;     // in bytes; may be empty; called from several threads
};

// What is kept of a check: one that did not compare every byte lifts no quarantine.
RuntimeHealth WithQuarantine(const std::string& name, const RuntimeHealth& before, RuntimeHealth now);

// Writes nothing. An error: the check itself could not be made.
Result<RuntimeCheck> CheckRuntime(const CatalogEntry& entry, const Config& config, const Submitter& submitter, const RuntimeCheckRequest& request);

}  // namespace fumehood
