#include <unistd.h>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/health/abandoned_stages.h"
#include "src/health/health_check.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// Why what is in the directory is not ours alone; empty: it is.
std::string WhyNotOurs(const struct stat& info) {
  if (info.st_uid != geteuid()) return fmt::format("belongs to uid {} and not to you", info.st_uid);
  if ((info.st_mode & 022U) != 0) return "can be written by others, who can change the records in it";
  if ((info.st_mode & 0777U) != 0700) return fmt::format("has mode {:o}, so that others can look into it", info.st_mode & 0777U);
  return "";
}

int64_t CountAbandoned(const Fd& state) {
  const auto staging = OpenDir(state.get(), layout::kStaging);
  const auto entries = staging ? ListDir(staging->get()) : Result<std::vector<DirEntry>>(staging.error());
  int64_t count = 0;
  if (!entries) return count;  // none yet
  for (const DirEntry& entry : *entries) {
    const auto abandoned = IsAbandonedStage(*staging, entry.name);
    count += abandoned && *abandoned ? 1 : 0;
  }
  return count;
}

}  // namespace

HealthCheck CheckStateDirectory(const Config& config) {
  const std::string& path = config.state_dir;
  HealthCheck check{.name = "state"};
  const auto info = FindStat(kHere, path, true);
  if (!info) return {.name = "state", .state = CheckState::kUnknown, .found = info.error().message()};
  if (!*info) return {.name = "state", .found = Quoted(path) + " is not there yet; the first run makes it"};
  if (!S_ISDIR((*info)->st_mode)) {
    return {.name = "state", .state = CheckState::kCritical, .found = Quoted(path) + " is no directory", .mend = "set FUMEHOOD_STATE to a directory"};
  }
  const std::string why = WhyNotOurs(**info);
  if (!why.empty()) {
    const bool writable = (*info)->st_uid != geteuid() || ((*info)->st_mode & 022U) != 0;
    return {.name = "state", .state = writable ? CheckState::kCritical : CheckState::kWarning, .found = Quoted(path) + " " + why,
            .mend = (*info)->st_uid != geteuid() ? "set FUMEHOOD_STATE to a directory of your own" : "chmod 700 " + Quoted(path)};
  }
  const auto state = OpenDir(kHere, path);
  if (!state) return {.name = "state", .state = CheckState::kCritical, .found = state.error().message()};
  const int64_t abandoned = CountAbandoned(*state);
  check.found = Quoted(path) + " is yours alone";
  if (abandoned > 0) {
    check.state = CheckState::kWarning;
    check.found += fmt::format(", and holds {} {} of crashes", abandoned, abandoned == 1 ? "leftover" : "leftovers");
    check.mend = "`fumehood gc`";
  }
  check.measure = fmt::format("leftovers={};;;0", abandoned);
  return check;
}

}  // namespace fumehood
