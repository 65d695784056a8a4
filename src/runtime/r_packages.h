// R's packages: each is a folder of a library, with a DESCRIPTION.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"

namespace fumehood {

struct RPackage {
  std::string name, version;
  std::string built_with;  // "R 4.2.2"
  std::string repository;  // "CRAN", "Bioconductor 3.16"; empty for R's own and for what came from elsewhere
  std::string remote;      // of what `remotes` installed: "github::owner/name@commit"
  std::string files_sha256;  // of its list of files with their digests (the file MD5), which CRAN makes; empty where there is none
  std::string folder;      // relative to the prefix
};

// The fields of a DESCRIPTION that tell packages apart. kCorrupt without a name and a version.
Result<RPackage> ParseDescription(std::string_view text);

struct RPackages {
  std::vector<RPackage> packages;  // in byte order
  std::vector<RuntimeFault> faults;
};
// `library`: relative to the prefix.
Result<RPackages> FindRPackages(int prefix, const std::string& library = "lib/R/library");

}  // namespace fumehood
