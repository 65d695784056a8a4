// PlanHood: from what a run needs to the steps that seal it. Pure: what is on this host comes in as a value (HostLayout).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/hood/plan.h"

namespace fumehood {

// A system directory that the run sees: itself, or a link (/bin -> usr/bin).
struct SystemEntry {
  std::string path;         // absolute, as the run sees it
  std::string link_target;  // empty: a directory
  std::string source;       // where it is on the host; empty: at the same path
  std::string same_file;    // "device inode" that the source must still be; empty: whatever is there
  bool empty = false;       // nothing is in it: it is made, so that something can be shown in it
};

// The system that a run is shown: the host's, or that of a tree of its own (src/hood/tree_layout.h).
struct HostLayout {
  std::vector<SystemEntry> system;
  std::string etc_tree;             // what the run sees as /etc (src/hood/etc_tree.h)
};
HostLayout FindHostLayout();

// Who owns what is shown: its owner's ids become the run's, where the submitter is root.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;       // 0: not there yet when it was planned (ours, in the attempt directory)
  uint32_t owner_uid = 0;
  uint32_t owner_gid = 0;
  bool is_directory = true;
};

// One thing of the host, or of the run directory, that the run sees.
struct Showing {
  enum class How { kReadOnly, kCopyOnWrite, kOwn };  // kOwn: it is the run's, in the attempt directory
  How how = How::kReadOnly;
  std::string source;  // absolute on the host; for kOwn relative to the attempt directory
  std::string target;  // absolute in the hood
  std::string upper;   // for kCopyOnWrite: directory in the attempt directory that catches the writes
  std::string scratch; // and the one that the overlay works in, beside it
  FileIdentity identity;
};

struct HoodRequest {
  HostLayout host;
  std::string attempt_dir;        // absolute; has tmp and the directories that `showings` name
  std::vector<Showing> showings;  // the work directory first
  std::vector<std::string> masked;  // absolute directories that stay empty inside, wherever they would show
  std::string cwd;
  int64_t uid_inside = 1000;
  int64_t gid_inside = 1000;
  bool network_host = false;
  int64_t memory_bytes = 0;       // bounds the shared memory file system too
  int64_t file_size_bytes = 0;    // RLIMIT_FSIZE; 0: none
  std::vector<std::string> without;  // layers left out on purpose; spelt in the record
};

HoodPlan PlanHood(const HoodRequest& request);

}  // namespace fumehood
