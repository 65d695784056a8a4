// Holds a run's record against the digests that were taken when it was written.
//
// What it can find: any byte changed, missing or added in the event chain, in the files that the closing event names, and in
// the collected outputs. What it cannot: a forger who recomputes the whole chain; keep the head elsewhere against that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/record/closing.h"
#include "src/record/run_dir.h"

namespace fumehood {

struct Finding {
  std::string file;     // relative to the run directory
  int64_t line = 0;     // from 1; 0: not a matter of lines
  int64_t offset = -1;  // of that line's first byte; -1: not known
  std::string problem;  // "was changed: ..."
};

struct ChainReport {
  std::vector<Finding> findings;
  int64_t events = 0;
  bool ends_torn = false;           // its writer was killed in the middle of a line: no tampering, but an event was lost
  int64_t torn_events = 0;          // the same, earlier, and closed off properly
  bool closed = false;              // the last event is `closed`
  std::vector<RecordedFile> files;  // as the last `closed` event names them
  std::string head;                 // SHA-256 of the last line
};
ChainReport VerifyChain(std::string_view events);  // pure

struct VerifyReport {
  std::vector<Finding> findings;  // empty: all is as it was written
  ChainReport chain;              // its findings are among those above
  int64_t files_checked = 0;
  int64_t bytes_checked = 0;
};
// An error means that the record could not be read at all. A run that has not ended is verified as far as it goes.
Result<VerifyReport> VerifyRun(const RunDir& run);

}  // namespace fumehood
