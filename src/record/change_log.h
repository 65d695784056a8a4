// The change log, <state>/changes.log: a line "<run id> <what>" for each run that begins, ends or is removed, from whoever does it. It
// is how the index of runs (src/store) learns what became new without looking at every run; the run directories stay the truth.
//
// A line costs an open, a write and a look, and no sync: after a restart of the machine the index looks at the names in runs/ anyway.
// Lines that announce something, "queued", "begins" and "removes", come before it is done, so that a writer killed between the two
// leaves a line too many, never one too few.
//
// Cutting it needs no lock that a writer could have to wait for. The log becomes changes.log.old by a rename, and what was old goes. A
// writer that had one of them open from before sees after its write whether its file still has a name, and else writes again; what
// was written in the last moment to a file that then lost its name is read after that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

namespace change {
inline constexpr const char* kQueued = "queued";
inline constexpr const char* kBegins = "begins";
inline constexpr const char* kEnded = "ended";
inline constexpr const char* kRemoves = "removes";
inline constexpr const char* kPinned = "pinned";  // or no longer
}  // namespace change

inline constexpr const char* kChangeLog = "changes.log";
inline constexpr const char* kOldChangeLog = "changes.log.old";

// Never fails: where the line cannot be written, on a full disk say, the log is removed, from which a reader learns that it
// missed something.
void NoteChange(const std::string& state_dir, const RunId& id, const char* what);

struct Change {
  RunId id;
  std::string what;
};

// How far a reader has come in one file.
struct FilePlace {
  int64_t inode = 0;  // 0: there was none
  int64_t offset = 0;
  std::string last;   // the line that ends there: the number of an inode is used again, a line is not
  bool operator==(const FilePlace&) const = default;
};
struct ChangePlace {
  FilePlace log;
  FilePlace old;
  bool operator==(const ChangePlace&) const = default;
};

struct NewChanges {
  std::vector<Change> changes;
  bool missed = false;  // the log is not the one that was read before, or is damaged: look at all the names, from NearEndOfChanges on
  ChangePlace place;    // what to begin with the next time
};
// What came since; of a long log a part, so the end is reached when there is nothing.
Result<NewChanges> ReadChanges(const std::string& state_dir, const ChangePlace& since);

// Shortly before where the log ends now: asked by a reader before it looks at all the names. What was announced just then may not be
// there yet when it looks, so those lines are read again.
Result<ChangePlace> NearEndOfChanges(const std::string& state_dir, int64_t back_bytes = 16384);

// Cuts it, for one caller at a time. `read_to`: up to where that one has read; the answer goes on from there.
Result<NewChanges> CutChanges(const std::string& state_dir, const ChangePlace& read_to);

}  // namespace fumehood
