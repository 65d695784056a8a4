#include <chrono>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/health/clock_judge.h"
#include "src/record/json_reader.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr const char* kMemory = "clock.json";

std::string PrintMemory(const ClockMemory& memory) {
  JsonWriter json;
  json.BeginObject().Key("boot_id").String(memory.boot_id).Key("wall").Int(memory.reading.wall.time_since_epoch().count());
  return json.Key("since_boot").Int(memory.reading.since_boot.count()).EndObject().Take() + "\n";
}

std::optional<ClockMemory> FindMemory(const std::string& directory) {
  const auto text = FindFile(kHere, directory + "/" + kMemory);
  auto json = text && *text ? JsonReader::Parse(**text) : Result<JsonReader>(Error(ErrorCode::kNotFound, "none"));
  if (!json) return std::nullopt;
  ClockMemory memory;
  memory.boot_id = json->String("boot_id");
  memory.reading.wall = WallTime(microseconds(json->Int("wall")));
  memory.reading.since_boot = microseconds(json->Int("since_boot"));
  return json->Finish() ? std::optional(memory) : std::nullopt;
}

// Only where runs are kept already: a look makes no state directory.
void Remember(const std::string& state_dir, const ClockMemory& memory) {
  const auto state = FindStat(kHere, state_dir, true);
  if (!state || !*state || !MakeDirs(state_dir + "/health", 0700)) return;
  if (const auto dir = OpenDir(kHere, state_dir + "/health")) {
    (void)WriteFileAtomically(dir->get(), kMemory, PrintMemory(memory), 0600, Durability::kLater);  // lost: nothing to compare with
  }
}

// The package manager, or the build, gave the program's file its time.
WallTime BuildTime() {
  const auto info = FindStat(kHere, "/proc/self/exe", true);
  return info && *info ? WallTime(seconds((*info)->st_mtim.tv_sec)) : WallTime();
}

}  // namespace

HealthCheck JudgeClock(const std::optional<ClockMemory>& before, const ClockMemory& now, WallTime built) {
  HealthCheck check{.name = "clock"};
  const char* sync[] = {"", ", not synchronised with a time server, as far as the kernel knows", ", synchronised"};
  check.found = "it is " + Rfc3339(now.reading.wall).substr(0, 19) + "Z" + sync[static_cast<size_t>(now.reading.synchronised)];
  constexpr const char* kMend = "set the clock, and let chrony or systemd-timesyncd keep it";
  constexpr auto kSlack = seconds(60 * 60 * 24);  // files that are copied may get the time of another machine
  if (now.reading.wall + kSlack < built) {
    check.state = CheckState::kCritical;
    check.found = "it says " + Rfc3339(now.reading.wall).substr(0, 19) + "Z, which is before this program was made";
    check.mend = kMend;
    return check;
  }
  if (!before || before->boot_id != now.boot_id) return check;
  const microseconds jump = (now.reading.wall - before->reading.wall) - (now.reading.since_boot - before->reading.since_boot);
  constexpr auto kNothing = seconds(2);
  if (jump < kNothing && jump > -kNothing) return check;
  check.state = CheckState::kWarning;
  check.found += fmt::format("; it was set {} by {} s since {}Z: times of runs from then on cannot be compared with those before",
                             jump.count() > 0 ? "forward" : "back", std::abs(duration_cast<seconds>(jump).count()), Rfc3339(before->reading.wall).substr(0, 19));
  check.mend = kMend;
  return check;
}

HealthCheck CheckClock(const Config& config) {
  const auto boot = BootId();
  const ClockMemory now{boot ? *boot : "", ReadClocks()};
  HealthCheck check = JudgeClock(FindMemory(config.state_dir + "/health"), now, BuildTime());
  Remember(config.state_dir, now);
  return check;
}

}  // namespace fumehood
