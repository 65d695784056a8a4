// What pip, uv and others keep of an installed Python package: site-packages/<name>-<version>.dist-info.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/expected_files.h"

namespace fumehood {

// One line of a RECORD. The digest and size are empty and -1 where the line has none, as for RECORD itself.
struct RecordedDistFile {
  std::string path;  // as it is written: relative to site-packages, often with `..`
  std::string sha256;
  int64_t size_bytes = -1;
};
// kCorrupt, with the number of the line, for what is no RECORD. Digests of other kinds than SHA-256 read as none.
Result<std::vector<RecordedDistFile>> ParseDistRecord(std::string_view text);

// "Name: x" of the headers of METADATA or PKG-INFO, which end with an empty line. Empty where there is none.
std::string MetadataHeader(std::string_view metadata, std::string_view name);

struct PythonDist {
  std::string name, version;
  std::string installer;  // "pip", "uv", "conda"
  std::string url;        // of direct_url.json: where it came from, if from no index; as it is
  std::string folder;     // relative to the prefix: lib/python3.11/site-packages/x-1.0.dist-info
  bool editable = false;  // its code lies elsewhere
  std::vector<ExpectedFile> files;
};
struct PythonDists {
  std::vector<PythonDist> dists;  // in the order of their folders
  std::vector<RuntimeFault> faults;
};
Result<PythonDists> FindPythonDists(int prefix);

}  // namespace fumehood
