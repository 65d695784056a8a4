// A run in the foreground that is tried again: its launcher follows the later attempts, which others start.
#pragma once

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/cli/command.h"
#include "src/sys/fd.h"

namespace fumehood {

// Passes on what each attempt after the first prints, as it comes, until the run has ended. A signal ends the run.
Result<RunResult> FollowToTheEnd(Engine& engine, const RunId& id, const Fd& signals, const Context& context);

}  // namespace fumehood
