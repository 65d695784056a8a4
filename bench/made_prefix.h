// A conda prefix of any size, made for measurements: packages with their records, files as large and as small as in real ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct MadePrefix {
  std::string path;
  std::vector<std::string> files;  // what the packages brought, relative to `path`, in byte order
  int64_t bytes = 0;
};

// Makes it in `path`, which must not exist, and has all of it written to the disk. The largest file takes about a tenth of
// `bytes`, half of the files less than a seventh of their mean: what a prefix with PyTorch or MKL looks like.
Result<MadePrefix> MakePrefix(const std::string& path, int64_t files, int64_t bytes);

}  // namespace fumehood
