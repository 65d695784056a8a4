// The explicit lock of a prefix: every package with its version, build and digest. The lock's own digest is the identity of the
// runtime: the same on another machine with the same packages, and another as soon as one of them differs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"
#include "src/runtime/runtime.h"

namespace fumehood {

struct RuntimeLock {
  std::vector<LockedPackage> packages;  // sorted by manager, name, version
  std::vector<RuntimeFault> faults;     // records that could not be read: the lock is then not complete, and names nobody
};

// `kind`: kConda or kVirtualenv. What conda, pip (and uv) and R's installer put there.
Result<RuntimeLock> LockPrefix(const std::string& prefix, RuntimeKind kind);

// JSON, a line for each package, the same bytes for the same packages.
std::string PrintLock(const std::vector<LockedPackage>& packages);
Result<std::vector<LockedPackage>> ParseLock(std::string_view text);
std::string LockIdentity(const std::vector<LockedPackage>& packages);  // SHA-256 of PrintLock, hexadecimal

// An address without what lets one in: "https://user:secret@host/t/token/channel?key=1" -> "https://host/channel". An address of a
// file on this machine is empty: it says nothing on another one, and would make two equal runtimes differ.
std::string PublicSource(std::string_view url);

}  // namespace fumehood
