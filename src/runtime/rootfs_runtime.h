// RootfsRuntime: an unpacked root file system as the environment of a run: its tree becomes the run's root, and its image's
// variables are the activation.
#pragma once

#include <string>

#include "src/runtime/runtime.h"

namespace fumehood {

// `location`: what ImportRootfs made, or any directory that is a root file system itself, which then has no identity.
// kNotFound where it is neither.
Result<Runtime> RootfsRuntime(const std::string& name, const std::string& location);

}  // namespace fumehood
