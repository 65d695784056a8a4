// What a keeper is told, in two messages: first the box that it is to make (BoxOrder), then the run that goes into it
// (KeeperOrder). Handed over in memory (it may hold secrets), never in a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/hood/cgroup.h"
#include "src/hood/plan.h"
#include "src/keeper/wake_dispatcher.h"
#include "src/record/retry.h"

namespace fumehood {

// Of a warm box (docs/warm.md), whose plan is a whole hood and has the command of an interpreter that waits in it.
struct WarmBox {
  CgroupLimits parked;       // while it waits
  std::string disk_method;   // as KeeperOrder::disk_method, which is needed before anything is written
  int64_t disk_limit_mb = 0;
  int64_t inode_limit = 0;
  std::vector<std::string> own_dirs;  // as KeeperOrder::own_dirs
  std::string given;         // what the run is shown, by device and inode: not read, it tells one box from another
  int64_t wait_seconds = 0;  // for its run, from whichever launcher (src/keeper/parking_place.h); 0: for that of its own
  std::string key;           // what it is found by there
  int64_t pool_size = 0;     // how many may wait there
};

// All that can be done before it is known which run it will be for: a box may wait for its run. Two equal box orders, but for
// their tokens, ask for boxes that are as good as each other.
struct BoxOrder {
  std::string token;        // of the staged run directory, and the name of the cgroup
  std::string state_dir;
  int32_t attempt = 1;
  HoodPlan plan;            // only steps that are done ahead
  CgroupPlace cgroup;
  std::string scope_path;   // systemd put the keeper there; empty: no scope
  bool by_root = false;     // a uid of its own from the range, id-mapped mounts
  int64_t uid_range_first = 0;
  int64_t uid_range_count = 0;
  std::vector<int64_t> owners;  // of what the run will be shown, as in HoodStep::number: id maps for them are made ahead
  WarmBox warm;
};

inline bool IsWarm(const BoxOrder& order) { return !order.plan.argv.empty(); }

struct KeeperOrder {
  std::string run_id;
  std::string name;
  std::string run_dir;   // absolute
  int32_t attempt = 1;
  std::string submitted_at;
  std::string workdir;   // of the submitter, on the host; the overlay's lower layer

  BoxOrder box;                       // travels ahead, in a message of its own
  HoodPlan plan;
  std::vector<std::string> own_dirs;  // beneath the attempt directory, besides what every one has: made, and the run's
  std::vector<std::string> own_trees; // beneath it too: staged copies, given to the run's uid with all that is in them
  CgroupLimits cgroup_limits;
  Limits limits;

  std::vector<std::string> outputs;   // globs
  // Beneath the work directory: what the hood had to make there to show something upon, the deepest first. No outputs.
  std::vector<std::string> mount_points;
  std::string log_path;               // an extra copy of the execution log; empty: none
  std::string disk_method;            // "auto", "quota" or "sampled"; see LimitDisk
  double usage_interval_seconds = 1;
  std::vector<std::string> weakened;  // layers that are missing, and allowed to be
  bool warm_wanted = false;           // the spec asks for a warm start
  std::string warm_why_not;           // why there is none; empty: the box is a warm one
  std::vector<std::string> remarks;   // for the notes: whole sentences on what the run was given
  DispatcherProgram dispatcher;       // started at the end where runs wait and nobody starts them
  RetryPolicy retries;
  std::vector<AttemptEnd> earlier;    // attempts of this run, all ended
  int64_t ledger_slot = -1;           // what it takes of the host's budget is counted there; -1: it is not counted
};

std::string EncodeOrder(const KeeperOrder& order);
Result<KeeperOrder> DecodeOrder(std::string_view bytes);
std::string EncodeBoxOrder(const BoxOrder& order);
Result<BoxOrder> DecodeBoxOrder(std::string_view bytes);
inline constexpr size_t kOrderLimit = size_t{64} << 20;  // bytes

// The descriptors that a keeper starts with, besides /dev/null as 0, 1 and 2.
inline constexpr int kOrderFd = 3;   // socket: the two orders as messages (src/sys/message.h); its end of file before the second:
                                     // there will be no run. With the second come three descriptors: the analysis' standard
                                     // input, and where its output and its errors go besides the logs; and a fourth where the
                                     // run has a slot of the ledger, whose lock lives as long as the keeper
inline constexpr int kReportFd = 4;  // to the launcher: lines "ready" (the box stands, or has failed), "kept", "started", "ended",
                                     // "failed WHY"; end of file: the keeper has gone

}  // namespace fumehood
