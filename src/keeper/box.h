// Box: everything of a run that can be made before it is known which run it will be: its uid, its directories, its cgroup
// without limits, its first process in namespaces of its own with a new root that shows the system. A box is used once.
//
// A warm box is more than that: a whole hood, made for one work directory, with an interpreter that waits in it (docs/warm.md).
//
// This is most of what a launch takes, so it is done ahead: beside the launcher's own work (it makes the run durable
// meanwhile), or long before, while a spare box waits (src/executor/local/spare_boxes.h).
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "src/hood/cgroup.h"
#include "src/hood/child.h"
#include "src/hood/spawn_run.h"
#include "src/keeper/disk_quota.h"
#include "src/keeper/order.h"
#include "src/keeper/uid_lease.h"
#include "src/record/run_dir.h"

namespace fumehood {

// Members are in the order of their making.
struct Box {
  int64_t host_uid = -1;
  UidLease lease;
  std::optional<RunCgroup> cgroup;
  TreeSlots slots;
  Fd line;          // to the first process: the run's part of the plan
  Fd report;        // ChildReports
  Fd keepalive;     // closing it ends the run
  Fd output;        // the analysis' standard output and error, read ends
  Fd error_output;
  std::unique_ptr<ChildTask> task;
  SpawnedRun process;
  std::map<int64_t, Fd> id_maps;  // owner -> user namespace that shows the owner's files as the run's
  std::unique_ptr<DiskQuota> quota;  // once the run is known; null: its disk is sampled
  std::optional<ChildReport> first_report;  // what was read while the box was waiting
  CgroupUsage before;   // what was used in a warm box before it had its run
};

// Leases what the box needs a name for, so that the handle on disk can tell it: first of all.
Result<void> LeaseIds(const BoxOrder& order, Box& box);

// `order` learns what was found out: the scope that was entered, the namespaces there are. On an error nothing of the box is
// alive, and its cgroup is gone.
Result<void> MakeBox(BoxOrder& order, const RunDir& run, const AttemptDir& attempt, Box& box);

// The id map for files of `owner` (HoodStep::number); made where it is not there.
Result<int> IdMapFor(int64_t owner, Box& box);

// Ends what is alive in it and removes its cgroup.
void TakeDown(Box& box);

// Directories beneath the attempt that the run writes into: under root they are given to its own uid.
Result<void> GiveDir(bool by_root, const AttemptDir& attempt, const std::string& name, int64_t host_uid);

// Makes such, the outer ones before the inner.
Result<void> MakeOwnDirs(bool by_root, const std::vector<std::string>& names, const AttemptDir& attempt, int64_t host_uid);

KeeperHandle HandleOf(const BoxOrder& order, const ProcessIdentity& keeper, int64_t host_uid);

}  // namespace fumehood
