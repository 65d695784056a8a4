// What `run` does, for the commands that are a `run` with something said ahead: tool, post-process, notebook.
#pragma once

#include <vector>

#include "src/cli/command.h"

namespace fumehood {

std::vector<Flag> RunFlags();

// Runs what the arguments say in the foreground, with the analysis' own streams. Gives its exit code.
Result<int> RunInForeground(const Arguments& arguments, Context& context);

}  // namespace fumehood
