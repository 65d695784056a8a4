#include <fmt/format.h>

#include "src/base/text.h"
#include "src/health/health_check.h"
#include "src/sys/file.h"
#include "src/sys/host_state.h"

namespace fumehood {
namespace {

constexpr uint64_t kMiB = 1024 * 1024;
// Below these a run can hardly be recorded.
constexpr uint64_t kTooLittle = 256 * kMiB;
constexpr uint64_t kTooFewInodes = 1000;

// The state directory, or where it will be made.
std::string NearestThere(std::string path) {
  while (path.size() > 1) {
    const auto there = FindStat(kHere, path, true);
    if (there && *there) return path;
    path.resize(path.rfind('/'));
  }
  return "/";
}

}  // namespace

HealthCheck CheckSpace(const Config& config) {
  HealthCheck check{.name = "space"};
  const auto room = RoomOf(NearestThere(config.state_dir));
  if (!room) return {.name = "space", .state = CheckState::kUnknown, .found = room.error().message()};
  const auto profile = config.profiles.find("default");
  const uint64_t one_run = static_cast<uint64_t>(profile == config.profiles.end() ? Limits().disk_limit_mb : profile->second.disk_limit_mb) * kMiB;
  check.found = fmt::format("{} of {} are free for runs in {}", HumanBytes(static_cast<long long>(room->free_bytes)),
                            HumanBytes(static_cast<long long>(room->bytes)), Quoted(config.state_dir));
  check.measure = fmt::format("free={}B;{}:;{}:;0;{}", room->free_bytes, one_run, kTooLittle, room->bytes);
  const bool no_inodes = room->inodes > 0 && room->free_inodes < kTooFewInodes;
  if (no_inodes) check.found += fmt::format(", and {} inodes", room->free_inodes);
  if (room->free_bytes < kTooLittle || no_inodes) {
    check.state = CheckState::kCritical;
  } else if (room->free_bytes < one_run) {
    check.state = CheckState::kWarning;
    check.found += fmt::format(", less than one run may write ({} MiB)", one_run / kMiB);
  }
  if (check.state != CheckState::kOk) check.mend = "`fumehood gc`, or set FUMEHOOD_STATE to another disk";
  return check;
}

}  // namespace fumehood
