// What a finished run of a step left, as its manifest has it, and the verified copies of it that the next steps are shown.
//
// A run's own directory is never shown to another: its files belong to that run's uid, `gc` may take them away, and they were written by
// an analysis. What comes over is a regular file whose bytes are those that the manifest has the digest of, and nothing else.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/sys/fd.h"

namespace fumehood {

struct RunOutputs {
  RunId run;
  Fd work;                        // what the run wrote
  std::vector<OutputFile> files;  // by path
};
Result<RunOutputs> OpenOutputs(const std::string& state_dir, const RunId& run);

// Each output is there as a regular file of the recorded size. kNotFound names the first that is not.
Result<void> ArePresent(const RunOutputs& outputs);

// `path`: an output, a directory of outputs, or "." for all. "file SHA-256", or "directory SHA-256" of the names and digests in it.
// kNotFound where the run gave no such thing.
Result<std::string> DigestOfOutput(const RunOutputs& outputs, const std::string& path);

// The copies of one call of `pipeline run`: each file is read, held against its digest and written once, however many steps are shown it
// (the index of a genome is shown to every sample); each step gets a hard link. Several threads may use one.
class OutputCopies {
 public:
  // `directory` is ours alone, and made where it is missing.
  explicit OutputCopies(std::string directory) : directory_(std::move(directory)) {}

  // To `to`, which is not there: files 0444, or 0555 where they could be executed. kCorrupt where the bytes are not those of the manifest.
  Result<void> Copy(const RunOutputs& outputs, const std::string& path, const std::string& to);
  // Nobody will ask for outputs of this run again.
  void Forget(const RunId& run);

 private:
  Result<void> CopyOne(const RunOutputs& outputs, const OutputFile& file, const std::string& to);

  std::string directory_;
  std::mutex mutex_;  // of names_
  std::map<RunId, std::set<std::string>> names_;
};

}  // namespace fumehood
