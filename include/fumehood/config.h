// Config: what an installation decides, read by ReadConfig from fumehood.toml (system, user, project), then FUMEHOOD_*,
// then EXECUTOR_TYPE. A project's file can only tighten.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fumehood {

// The limits that a profile names. Units as in AnalysisSpec.
struct Limits {
  int64_t memory_limit_mb = 2048;
  double cpu_quota = 1.0;
  int64_t pids_limit = 256;
  int64_t timeout_seconds = 1800;
  int64_t grace_seconds = 10;
  int64_t idle_timeout_seconds = 0;  // 0: off
  int64_t disk_limit_mb = 10240;
  int64_t inode_limit = 1000000;
  int64_t output_limit_mb = 64;
  bool operator==(const Limits&) const = default;
};

// No configuration can allow more than this: pids is the kernel's own bound, the others keep sums within their types.
inline constexpr Limits kHighestLimits{.memory_limit_mb = int64_t{1} << 24,
                                       .cpu_quota = 4096,
                                       .pids_limit = 4194304,
                                       .timeout_seconds = 366 * 86400,
                                       .grace_seconds = 3600,
                                       .idle_timeout_seconds = 366 * 86400,
                                       .disk_limit_mb = int64_t{1} << 24,
                                       .inode_limit = 1000000000,
                                       .output_limit_mb = 1048576};

// Which ended runs `fumehood gc` takes. -1: not for this.
struct RetentionRule {
  int64_t older_than_days = -1;
  int64_t max_runs = -1;            // beyond the newest so many
  int64_t max_size_mb = -1;         // MiB; the oldest beyond so much in all
  int64_t keep_newest = 0;          // but never the newest so many
  bool operator==(const RetentionRule&) const = default;
};

struct Config {
  std::string state_dir;                    // absolute; see DefaultStateDir in src/config
  std::string executor = "local";
  std::map<std::string, Limits> profiles;   // has at least default, notebook, post_process, tool
  Limits maximum = kHighestLimits;          // what a spec may ask for at most
  std::string disk_method = "auto";         // auto | quota | sampled
  std::vector<std::string> allow_weaker;    // allowed without being named by the spec
  int64_t uid_range_first = 2000000000;     // runs started by root get one uid each from here
  int64_t uid_range_count = 65536;
  double usage_interval_seconds = 1.0;      // of usage.csv
  std::string cgroup_parent;                // below which runs get their cgroups; empty: found out
  int64_t input_digest_mb = 256;            // of what a run is given: at most so much is read and hashed anew before its start
  int64_t database_check_seconds = 20;      // the longest that the check of a database may keep a run waiting; 0: none is made
  int64_t spare_boxes = 1;                  // sealed boxes that a program which launches runs keeps ready; 0 to 256
  double budget_share = 0.9;                // of the host's memory, processes and free disk: what all runs may have together
  int64_t budget_memory_mb = 0;             // MiB; this and the next three: 0: found out from the host
  double budget_cpus = 0;
  int64_t budget_pids = 0;
  int64_t budget_disk_mb = 0;
  int64_t queue_limit = 100000;             // more waiting runs than this are refused
  std::string fair_share_label = "user";    // runs that differ in this label share the host evenly
  int64_t priority_age_seconds = 600;       // each so long a wait lifts a run by one step of priority; 0: never
  // "default", and "NAME=VALUE" for the runs with that label; a run belongs to the first of those in byte order that it has.
  std::map<std::string, RetentionRule> retention;
  int64_t warm_boxes = 2;                   // interpreters that wait for their runs, at most; 0: none, and no run starts warm
  int64_t warm_memory_mb = 512;             // what one of them may use while it waits
  int64_t warm_idle_seconds = 600;          // how long one waits
  bool quarantine_runtimes = false;         // one whose files are damaged stays out of use until a deep check went well
};

}  // namespace fumehood
