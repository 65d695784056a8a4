// What a run changed, as its upper layer against the project as it is now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/base/clock.h"
#include "src/record/upper_walk.h"

namespace fumehood {

enum class ChangeKind { kAdded, kModified, kDeleted, kTypeChanged, kModeChanged };
char Letter(ChangeKind kind);  // 'A', 'M', 'D', 'T', 'P'

struct Change {
  std::string path;                        // relative to the project; any bytes: show it with Quoted
  ChangeKind kind = ChangeKind::kAdded;
  EntryKind now = EntryKind::kFile;        // what the run left; kWhiteout when deleted
  EntryKind before = EntryKind::kWhiteout; // what the project has; kWhiteout: nothing
  int64_t size_bytes = 0;
  uint32_t mode = 0;                       // as the run left it, 07777
  uint32_t mode_before = 0;
  int64_t ctime_before_ns = 0;             // of the project's entry, when it was compared
  std::string link_target;                 // of a symbolic link
  bool changed_meanwhile = false;          // the project's entry was changed after the run had started
};

struct Difference {
  std::vector<Change> changes;  // by path within each directory, a directory before what is in it
  int64_t identical = 0;        // files that the run wrote and that the project has just so: applied already
  std::vector<std::pair<std::string, std::string>> problems;  // path, why it could not be compared
};

int64_t ChangeTimeNs(const struct stat& info);

// `started`: of the run; a later change time (ctime) in the project counts as meanwhile.
Result<Difference> DiffAgainstProject(int upper_dir, int project_dir, WallTime started);

}  // namespace fumehood
