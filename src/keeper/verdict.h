// Verdict: from what the keeper saw to status, reason and notes. Pure: the taxonomy of DESIGN.md section 4 as one function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/run_result.h"
#include "src/keeper/command_file.h"

namespace fumehood {

// Why the keeper ended the run, if it did. The first cause stands.
enum class EndedBy { kItself, kCancelled, kTimeout, kIdle, kDisk, kInodes, kMemory, kPids, kKeeperFault };

struct LargestProcess {
  std::string name;
  int64_t resident_bytes = 0;
};

struct Evidence {
  EndedBy ended_by = EndedBy::kItself;
  std::optional<int> wait_status;       // of the analysis; empty: it was ended with everything else
  std::string setup_failure;            // the hood could not be put up: which step, and why
  int exec_errno = 0;
  std::string command;                  // argv[0]
  CommandFile command_file;             // looked at where it could not be executed
  std::string fault;                    // of ours
  int64_t oom_kills = 0;
  int64_t memory_limit_hits = 0;        // only where hitting the limit makes system calls fail
  int64_t pids_limit_hits = 0;
  LargestProcess largest;
  Usage usage;
  Limits limits;
  int64_t disk_bytes = 0;
  int64_t disk_inodes = 0;
  int64_t disk_overshoot_bytes = 0;
  int64_t disk_left_bytes = -1;         // on the disk of the state directory, where that was nearly nothing at the end; else -1
  bool disk_refused = false;            // it had used all of its disk or files, or the file system refused it more
  bool inodes_refused = false;
  int64_t output_dropped_bytes = 0;
  int64_t output_failed_bytes = 0;      // of these: for want of room, not for the limit
  std::vector<std::string> missing_outputs;
  std::string stage_out_failure;
  bool ignored_sigterm = false;
  std::string own_words;                // of the analysis, on why it failed; quoted (src/keeper/failure_note.h)
  std::vector<std::string> remarks;     // of the launcher, on what the run was given; whole sentences
  std::string cancelled_by;             // "uid 1000"; empty where not known
  std::vector<std::string> weakened;
};

struct Verdict {
  RunStatus status = RunStatus::kFailed;
  Reason reason = Reason::kNone;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string notes;
  std::string evidence;  // what the reason was read from
};

Verdict Judge(const Evidence& evidence);

}  // namespace fumehood
