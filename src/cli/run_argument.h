// The RUN that commands take: an id, the beginning of one, or `last`.
#pragma once

#include "src/cli/command.h"

namespace fumehood {

// Of the one positional argument; more or fewer are an error that shows the usage.
Result<RunId> RunArgument(const Arguments& arguments, const Context& context, const std::string& usage);
// Of the word that stands for a run.
Result<RunId> NamedRun(const std::string& text, const Context& context);

}  // namespace fumehood
