// DiskQuota: the disk and file limits of one run as a project quota, enforced by the file system of the state directory.
//
// Theory of operation. The directories that the run writes into are put into a project of their own, and the project gets hard
// limits: whoever goes beyond is told that the disk is full. No table of numbers is kept anywhere: a number is free when nothing
// on the file system counts for it. So a run marks its directories first and looks then; if more is in the project than it put
// there, somebody else has it (another keeper, another state directory, an earlier run's files that are kept) and it
// takes another number before it has set any limit. Of two that mark at once, at least the later one sees both. The number is
// written nowhere but on the directories: by them whoever finds the run after a crash lifts its limits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fumehood/result.h"
#include "src/keeper/order.h"
#include "src/record/outputs.h"
#include "src/sys/fd.h"
#include "src/sys/quota_warnings.h"

namespace fumehood {

class DiskQuota {
 public:
  // `attempt_dir` holds the directories that the run will write into, all empty.
  static Result<DiskQuota> Start(const KeeperOrder& order, int attempt_dir);
  DiskQuota(DiskQuota&&) = default;
  ~DiskQuota() { Lift(); }

  // What the run has written. Empty: its limits are not in force any more, because somebody has changed or switched them off.
  std::optional<DiskUse> Measure();
  // It wanted more than its limit, as far as the kernel told, or had used all of it when it was measured.
  bool bytes_refused() const { return refused_.bytes; }
  bool inodes_refused() const { return refused_.inodes; }

  // Removes the limits. What the run has left keeps the number, which is free again when that is removed.
  void Lift();

 private:
  DiskQuota() = default;

  Fd attempt_;
  uint64_t device_ = 0;
  uint32_t project_ = 0;
  DiskUse own_;               // the directories themselves
  int64_t limit_bytes_ = 0;   // as set, own_ included
  int64_t limit_inodes_ = 0;  // 0: none
  std::optional<QuotaWarnings> warnings_;
  QuotaRefusals refused_;
};

// By the order's disk_method: null for `sampled`, and for `auto` where the file system has no such quota.
Result<std::unique_ptr<DiskQuota>> LimitDisk(const KeeperOrder& order, int attempt_dir);

// After a crash: removes the limits that a keeper has left on an attempt's directories.
void LiftDiskQuota(int attempt_dir);

}  // namespace fumehood
