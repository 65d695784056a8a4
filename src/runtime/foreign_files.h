// What lies in a prefix and no package brought.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"
#include "src/runtime/expected_files.h"
#include "src/runtime/runtime.h"

namespace fumehood {

// Foreign files, a folder of nothing else as one; and what a tool that was ended left half made. Not foreign: what conda, venv and
// Python make for themselves, nested environments, the package cache, R packages that R itself installed (the lock lists them).
Result<std::vector<RuntimeFault>> FindForeignFiles(int prefix, RuntimeKind kind, const std::vector<ExpectedFile>& expected);

// A name that conda or mamba gives to what it is about to remove or has not finished.
bool IsHalfMadeName(const std::string& name);

}  // namespace fumehood
