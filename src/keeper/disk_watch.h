// DiskWatch: how much a run has written: asked of the file system where it holds the run by a quota, else found out by walking
// what the run may write, often enough for the limit to mean something.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "src/hood/cgroup.h"
#include "src/keeper/disk_quota.h"
#include "src/record/outputs.h"

namespace fumehood {

// What is watched; all of it is the caller's and outlives the watch.
struct WatchedDisk {
  std::vector<int> dirs;               // open directories that the run writes into
  int64_t limit_bytes = 0;
  int64_t limit_inodes = 0;
  DiskQuota* quota = nullptr;          // nullptr: walk
  const RunCgroup* cgroup = nullptr;   // tells the run's processes, for what they hold open; nullptr: not looked at
  uid_t owner = 0;                     // of what the run writes, on the host
};

class DiskWatch {
 public:
  using Clock = std::chrono::steady_clock;

  explicit DiskWatch(WatchedDisk watched);

  Clock::time_point next() const { return next_; }
  // Measures, if the file system's free space says that something was written since, and sets `next`.
  void Measure(Clock::time_point now);
  void MeasureNow();

  // "quota" while the kernel says that it is in force, else "sampled".
  const char* method() const { return watched_.quota != nullptr ? "quota" : "sampled"; }
  const DiskUse& use() const { return use_; }
  const DiskUse& peak() const { return peak_; }  // of bytes and of inodes, each its own
  bool bytes_exceeded() const { return use_.bytes > watched_.limit_bytes; }
  bool inodes_exceeded() const { return watched_.limit_inodes > 0 && use_.inodes > watched_.limit_inodes; }
  // It could not write what it wanted: by the quota, or because its one file may not grow beyond the limit.
  bool bytes_refused() const;
  bool inodes_refused() const { return watched_.quota != nullptr && watched_.quota->inodes_refused(); }

 private:
  bool AskQuota();
  bool NothingWritten();
  DiskUse Unlinked() const;
  std::chrono::milliseconds Pause(std::chrono::milliseconds walk) const;

  WatchedDisk watched_;
  DiskUse use_;
  DiskUse peak_;
  Clock::time_point next_;
  uint64_t free_blocks_ = 0;
  uint64_t free_inodes_ = 0;
};

}  // namespace fumehood
