#include "src/keeper/disk_watch.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "src/keeper/unlinked_files.h"

namespace fumehood {

using std::chrono::milliseconds;

DiskWatch::DiskWatch(WatchedDisk watched) : watched_(std::move(watched)), next_(Clock::now() + Pause(milliseconds(0))) {}

// So soon that a fast disk (2 GB/s) could not write all that is left twice over, and so seldom that walking takes a
// twentieth of the time at most.
milliseconds DiskWatch::Pause(milliseconds walk) const {
  constexpr int64_t kBytesPerMillisecond = 2000000;
  const int64_t left = std::max<int64_t>(0, watched_.limit_bytes - use_.bytes);
  const auto by_rate = milliseconds(left / kBytesPerMillisecond);
  return std::max(std::clamp(by_rate, milliseconds(50), milliseconds(1000)), walk * 20);
}

void DiskWatch::Measure(Clock::time_point now) {
  if (watched_.quota == nullptr && NothingWritten()) {
    next_ = now + Pause(milliseconds(0));
    return;
  }
  MeasureNow();
  const Clock::time_point after = Clock::now();
  next_ = after + Pause(std::chrono::duration_cast<milliseconds>(after - now));
}

bool DiskWatch::NothingWritten() {
  struct statvfs info {};
  if (watched_.dirs.empty() || fstatvfs(watched_.dirs[0], &info) != 0) return false;
  const bool same = info.f_bfree == free_blocks_ && info.f_ffree == free_inodes_;
  free_blocks_ = info.f_bfree;
  free_inodes_ = info.f_ffree;
  return same;
}

void DiskWatch::MeasureNow() {
  if (!AskQuota()) {
    DiskUse sum = Unlinked();
    for (const int dir : watched_.dirs) {
      const auto part = MeasureTree(dir, watched_.limit_inodes + 1);
      if (!part) continue;  // a directory that cannot be walked now is walked the next time
      sum.bytes += part->bytes;
      sum.inodes += part->inodes;
    }
    use_ = sum;
  }
  peak_.bytes = std::max(peak_.bytes, use_.bytes);
  peak_.inodes = std::max(peak_.inodes, use_.inodes);
}

// A quota that is not in force any more is not asked again: from then on the run is measured as others are.
bool DiskWatch::AskQuota() {
  if (watched_.quota == nullptr) return false;
  const auto use = watched_.quota->Measure();
  if (use) {
    use_ = *use;
  } else {
    watched_.quota = nullptr;
  }
  return use.has_value();
}

DiskUse DiskWatch::Unlinked() const {
  if (watched_.cgroup == nullptr || watched_.dirs.empty()) return {};
  const auto pids = watched_.cgroup->Pids();
  struct stat info {};
  if (!pids || fstat(watched_.dirs[0], &info) != 0) return {};
  return MeasureUnlinked(*pids, info.st_dev, watched_.owner);
}

bool DiskWatch::bytes_refused() const {
  return watched_.quota != nullptr ? watched_.quota->bytes_refused() : peak_.bytes >= watched_.limit_bytes;
}

}  // namespace fumehood
