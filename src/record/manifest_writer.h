// ManifestWriter: writes outputs.json piece by piece, so that a million outputs do not fill the keeper's memory.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/record/append_file.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"

namespace fumehood {

class ManifestWriter {
 public:
  // Under a temporary name in `run_dir`, until Publish.
  static Result<ManifestWriter> Create(int run_dir);
  ManifestWriter(ManifestWriter&&) = default;
  ManifestWriter& operator=(ManifestWriter&&) = delete;
  ~ManifestWriter();  // an unpublished one is removed

  Result<void> Add(std::string_view text);
  // Returns the SHA-256 of outputs.json.
  Result<std::string> Publish(Durability durability);

 private:
  ManifestWriter(int run_dir, AppendFile file) : run_dir_(run_dir), file_(std::move(file)) {}
  Result<void> Flush();

  int run_dir_;  // the caller's
  AppendFile file_;
  Sha256 digest_;
  std::string buffer_;
};

}  // namespace fumehood
