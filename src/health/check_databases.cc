#include <fmt/format.h>

#include "src/base/text.h"
#include "src/health/health_check.h"
#include "src/integrity/known_state.h"

namespace fumehood {
namespace {

struct Counts {
  int64_t damaged = 0;
  int64_t gone = 0;
  int64_t written = 0;  // since they were last seen: no trouble, but worth knowing
  std::string first;
};

void Count(const KnownDatabase& known, Counts& counts) {
  const auto now = LookAtDatabase(known.path);
  const bool there = now && now->file.has_value();
  const auto note = [&](int64_t& count, const char* what) {
    ++count;
    if (counts.first.empty()) counts.first = Quoted(known.path) + what;
  };
  if (!there) {
    note(counts.gone, " is not there any more");
  } else if (*now != known.sight) {
    ++counts.written;  // whatever was found does not hold any more
  } else if (!known.damage.empty()) {
    note(counts.damaged, " is damaged");
  }
}

}  // namespace

// Of those that runs were given: only looked at from outside. What is in them is checked before a run that is given them, and by
// `fumehood doctor --database`.
HealthCheck CheckDatabases(const Config& config) {
  const auto all = KnownState(config.state_dir).AllDatabases();
  HealthCheck check{.name = "databases"};
  Counts counts;
  for (const KnownDatabase& known : all) Count(known, counts);
  check.found = all.empty() ? "no run was given one yet" : fmt::format("{} known, {} of them written to since a run was given them", all.size(), counts.written);
  if (!counts.first.empty()) check.found += "; " + counts.first;
  if (counts.damaged > 0) {
    check.state = CheckState::kCritical;
    check.mend = "`fumehood doctor --database PATH` tells what is found; go back to a good copy";
  } else if (counts.gone > 0) {
    check.state = CheckState::kWarning;
    check.mend = "bring it back, or give runs the one that took its place";
  }
  check.measure = fmt::format("databases={};;;0 databases_damaged={};;;0", all.size(), counts.damaged);
  return check;
}

}  // namespace fumehood
