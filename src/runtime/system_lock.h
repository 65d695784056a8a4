// The lock of a runtime of the distribution: the package that its interpreter is from, and the packages that this interpreter sees.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"

namespace fumehood {

// `interpreter`: its path, such as /usr/bin/python3; of R, its libraries and of Python, its dist-packages are read. Asks dpkg, which
// takes some 100 ms: for checks, not for launches. On a distribution without dpkg the interpreter's own package is left out.
Result<std::vector<LockedPackage>> LockSystem(const std::string& interpreter);

// Of what decides a lock: another where the distribution's packages, or the folders that the interpreter looks into, changed. A dozen
// stats.
std::string SystemFingerprint(const std::string& interpreter);

}  // namespace fumehood
