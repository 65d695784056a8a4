// What conda keeps of an installed package: conda-meta/<name>-<version>-<build>.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/expected_files.h"

namespace fumehood {

struct CondaRecord {
  std::string name, version, build;
  std::string sha256, md5;    // of the package's archive
  std::string url, channel;   // as they are: they may hold a token
  std::string path;                   // of the record itself, relative to the prefix; empty for one that was only parsed
  std::vector<std::string> needs;     // names of packages that it cannot do without
  std::vector<ExpectedFile> files;
  std::string package_dir;            // where its tool had unpacked it, absolute; may be gone, and may be anything
  std::vector<ExpectedFile> originals;  // of the files into which the prefix's path was written: as they lie in the package
  std::vector<std::string> rewritten_texts;  // of the files, those into which the prefix's own path was written, as text
};

// "conda-forge::Python[version='>=3.9']", "python>=3.9", "python 3.9.*" -> "python". Empty for what the machine has: "__glibc".
std::string CondaNameOf(std::string_view spec);

// kCorrupt for what is no record, or names a file outside of the prefix.
Result<CondaRecord> ParseCondaRecord(std::string_view text);

// All records of a prefix, in the order of their file names. Those that cannot be read are faults.
struct CondaRecords {
  std::vector<CondaRecord> records;
  std::vector<RuntimeFault> faults;
};
Result<CondaRecords> ReadCondaRecords(int prefix);

}  // namespace fumehood
