// Holds the files of a prefix against what they should be. The prefix may be hostile: no link is followed out of it, and nothing
// is read but regular files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"

namespace fumehood {

// One file that a package brought.
struct ExpectedFile {
  enum class Kind { kFile, kLink, kDirectory, kCompiled };  // kCompiled: a .pyc, which Python makes anew where it is missing
  Kind kind = Kind::kFile;
  std::string path;         // relative to the prefix, normal (see NormalPath)
  std::string sha256;       // as it lies in the prefix; empty: not known
  int64_t size_bytes = -1;  // the same; -1: not known
};

struct CheckOptions {
  bool deep = false;     // every byte; else what the metadata tell
  unsigned threads = 0;  // that hash at once; 0: as many as DigestThreads says
  // Bytes hashed so far, and of all. Called by any of the threads, by one at a time.
  std::function<void(int64_t done, int64_t total)> progress;
};

struct FileFindings {
  std::vector<RuntimeFault> faults;
  int64_t files = 0;        // that were looked at
  int64_t bytes = 0;        // that were hashed
  // Of inode, size and time of change of every file: the same as at a deep check that found nothing means that nobody wrote to
  // the files since, but for one who sets times back.
  std::string fingerprint;
};

// `files` in any order; one that is named twice is looked at once. `prefix`: an open directory; `prefix_path`: its absolute
// path, by which some links name what is within it.
Result<FileFindings> CheckFiles(int prefix, const std::string& prefix_path, std::vector<ExpectedFile> files, const CheckOptions& options);

}  // namespace fumehood
