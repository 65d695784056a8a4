// What lies in a run's directory, as one digest: for the record of its removal.
#pragma once

#include <cstdint>
#include <string>

#include "fumehood/result.h"

namespace fumehood {

struct RunListing {
  int64_t files = 0;    // directories and links too
  int64_t bytes = 0;    // on the disk
  std::string sha256;   // over a line for each in the order of the names, depth first: its kind, its size in bytes, its path
};
// The contents are not read: those of the record and of the outputs have their digests in the run's own chain of events.
Result<RunListing> ListingOf(int run_dir);

}  // namespace fumehood
