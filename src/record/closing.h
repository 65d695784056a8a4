// The closing event: the digests of the record's own files, so that verify finds any byte that changed since.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/record/event_log.h"

namespace fumehood {

inline constexpr const char* kClosedEvent = "closed";

struct RecordedFile {
  std::string path;  // relative to the run directory
  int64_t size_bytes = 0;
  std::string sha256;
};

// Of a file that is there, read now.
Result<RecordedFile> DigestRecordedFile(int run_dir, const std::string& path);

// Appends `closed` with the files and syncs the log. It belongs before result.json is published, with the digest of the text
// that will be: whoever sees a result then sees a chain that ends.
Result<void> AppendClosing(EventLog& events, const std::vector<RecordedFile>& files);

}  // namespace fumehood
