#include <fmt/format.h>

#include "src/base/text.h"
#include "src/health/health_check.h"
#include "src/runtime/find_runtime.h"

namespace fumehood {
namespace {

// Why it is not to be had; empty: it is, or was never meant to be. By its last check and what is there, not by its files one by one:
// those are looked at before each run, and by `fumehood runtimes check`.
std::string WhyNot(const Catalog& catalog, const CatalogEntry& entry) {
  const auto health = catalog.HealthOf(entry.name);
  if (!health) return health.error().message();
  const auto runtime = RuntimeOf(entry);
  // What the distribution does not have here is missed only where it once was there.
  const bool missed = !entry.built_in || health->state == HealthState::kHealthy;
  if (!runtime) return missed ? runtime.error().message() : "";
  return health->state == HealthState::kUnhealthy ? "its last check failed: " + health->reason : "";
}

}  // namespace

HealthCheck CheckRuntimes(const Config& config) {
  const Catalog catalog(config.state_dir);
  const auto listing = catalog.List();
  if (!listing) return {.name = "runtimes", .state = CheckState::kUnknown, .found = listing.error().message()};
  HealthCheck check{.name = "runtimes"};
  std::vector<std::string> broken;
  std::string first;
  for (const CatalogEntry& entry : listing->entries) {
    const std::string why = WhyNot(catalog, entry);
    if (why.empty()) continue;
    if (broken.empty()) first = fmt::format("{}: {}", entry.name, why);
    broken.push_back(entry.name);
  }
  if (broken.empty() && !listing->problems.empty()) first = listing->problems[0];
  check.found = fmt::format("{} known", listing->entries.size());
  if (!first.empty()) {
    check.state = CheckState::kWarning;
    check.found += fmt::format(", {} of them cannot be had ({}); {}", broken.size(), Join(broken, ", "), first);
    check.mend = "`fumehood runtimes ls` tells each; mend it, then `fumehood runtimes check`";
  }
  check.measure = fmt::format("runtimes={};;;0 runtimes_broken={};;;0", listing->entries.size(), broken.size());
  return check;
}

}  // namespace fumehood
