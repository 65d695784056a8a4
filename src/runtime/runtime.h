// Runtime: a named software environment, as one run on this machine sees it.
//
//   catalog.h   what is known by name        -> CatalogEntry
//   conda_*.h   prefixes that conda made     -> found, activated, checked
//   rootfs_*.h  unpacked root file systems   -> imported, checked
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

enum class RuntimeKind { kSystem, kConda, kVirtualenv, kRootfs, kImage };
inline constexpr const char* kRuntimeKindNames[] = {"system", "conda", "virtualenv", "rootfs", "image"};
const char* Name(RuntimeKind kind);

// Directories of the host that every run sees, unless its runtime brings a root of its own (src/hood/planner.h, FindHostLayout).
inline constexpr const char* kAlwaysShown[] = {"/usr/", "/opt/", "/bin/", "/lib/"};

struct Runtime {
  std::string name;
  RuntimeKind kind = RuntimeKind::kSystem;
  std::string location;     // absolute: of the prefix, or of the root's tree; empty for the system's
  std::string interpreter;  // absolute, as the run sees it
  std::map<std::string, std::string> env;  // what its activation sets; the run's environment is built from nothing
  std::set<std::string> unset;             // what its activation takes away
  bool only_env = false;                   // the run gets `env` and its spec's, and nothing that the hood adds
  bool needs_activation = false;           // its scripts were not run yet: `env` is what conda itself sets
  std::vector<std::string> path;           // directories of PATH, in order
  std::vector<std::string> shown;          // directories of the host that the run sees read-only, at the same path
  std::string identity;                    // SHA-256 of its lock, hexadecimal; empty: not locked yet
};

}  // namespace fumehood
