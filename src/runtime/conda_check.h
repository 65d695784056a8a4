// Whether a prefix is still what its packages brought: by conda-meta/*.json, and for what pip put there by its RECORD files.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/expected_files.h"
#include "src/runtime/runtime.h"

namespace fumehood {

struct PrefixCheck {
  std::vector<RuntimeFault> faults;  // by path; foreign files only of a deep check, which alone walks the tree
  int64_t packages = 0;
  int64_t files = 0;
  int64_t bytes = 0;  // that were hashed
  std::string fingerprint;  // see FileFindings
};

// `kind`: kConda or kVirtualenv. Every fault is a finding; an error means that the prefix could not be looked at: kNotFound where
// there is no directory.
Result<PrefixCheck> CheckPrefix(const std::string& prefix, RuntimeKind kind, const CheckOptions& options);

// Of a script's text: the prefix whose interpreter it starts, by its first lines; empty where they name none.
std::string PrefixOfShebang(std::string_view text);

}  // namespace fumehood
