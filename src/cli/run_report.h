// What is said of a run: at its end, and by `status`.
#pragma once

#include <string>

#include "fumehood/run_result.h"

namespace fumehood {

// Whether the new files are named, with the command that brings them over.
enum class FilesHint { kNone, kApply };

// For standard error, after the analysis' own output: what ended it, what it used, which files are new and how to get them.
std::string EndReport(const RunResult& result, FilesHint hint, bool on_terminal);
std::string StatusReport(const RunResult& result, bool on_terminal);

}  // namespace fumehood
