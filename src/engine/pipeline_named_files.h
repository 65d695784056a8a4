// The files of its work directory that a command names: a script, a table of samples, a file of settings.
#pragma once

#include <string>
#include <vector>

#include "fumehood/analysis_spec.h"

namespace fumehood {

// Relative paths beneath `workdir` (absolute) of regular files that are there: words of the command, parts of `--option=FILE`, and of a text
// for a shell what lies between its spaces, quotes and operators. Not those that the step makes itself by its globs, nor those that an
// input covers. Sorted, each once. Directories are not looked into: whoever depends on one declares it as an input.
std::vector<std::string> FilesNamedBy(const AnalysisSpec& spec, const std::string& workdir);

}  // namespace fumehood
