// Collects what a run made: each output with size and SHA-256, into outputs.json. Runs in the keeper, over a hostile tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/sys/file.h"

namespace fumehood {

struct OutputRules {
  // As src/record/glob.h has them, relative to the work directory; a directory's name stands for all in it. Empty: every new
  // or changed regular file.
  std::vector<std::string> globs;
  // The work directory as it was: an output named without wildcards that the run left as it was is there too. -1: not asked.
  int project_dir = -1;
  // Sparse files and hard links let a run claim more bytes than any disk holds. Files beyond this sum are listed without a
  // digest, and said to be. 0: no limit.
  int64_t hash_limit_bytes = 0;
  // So many are kept in memory and go into result.json; outputs.json has all.
  size_t keep_files = 1000;
};

struct SkippedOutput {
  std::string path;
  std::string why;  // "is a symbolic link", "no permission to read it"
};

struct CollectedOutputs {
  std::vector<OutputFile> files;         // the first keep_files, by path; sha256 empty where it was not computed
  int64_t file_count = 0;
  int64_t total_bytes = 0;
  std::vector<std::string> missing;      // globs that matched nothing
  std::vector<SkippedOutput> skipped;    // the first kMaxSkipped
  int64_t skipped_count = 0;
  std::vector<std::string> globs;        // what was asked for; empty: everything
  std::string manifest_sha256;           // of outputs.json
};
inline constexpr size_t kMaxSkipped = 1000;

// `upper_dir`: the run's upper layer. Writes outputs.json into `run_dir`, atomically. Memory grows with the largest
// directory, not with the tree.
Result<CollectedOutputs> CollectOutputs(int upper_dir, const OutputRules& rules, int run_dir, Durability durability);

struct DiskUse {
  int64_t bytes = 0;     // in blocks, as the file system counts them; of a file with N names each stands for 1/N
  int64_t inodes = 0;    // names, the top directory not counted
  bool complete = true;  // false: parts could not be read, or there were too many
};
// Usable while the run writes, at any depth, opening nothing but directories. Stops at so many names: a run that keeps making
// new ones must not keep the keeper busy for ever.
Result<DiskUse> MeasureTree(int dir, int64_t max_inodes);

}  // namespace fumehood
