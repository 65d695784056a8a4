// The audited removal of an attempt's private /tmp.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/record/event_log.h"
#include "src/sys/file.h"

namespace fumehood {

// Removes attempts/N/tmp and the overlay's scratch directory, and appends the event `tmp_removed` with the counts and bytes,
// or `tmp_kept` with the reason why something is still there. An error means that the event could not be written.
Result<RemovedCounts> RemoveTmp(int attempt_dir, int attempt, EventLog& events);

// The same, off the path where it can be: of a run that left no file there, which is most of them, the empty directories are
// only moved into `staging`, to the names that are returned. The caller removes those when there is time for it.
std::vector<std::string> TakeTmpAway(int attempt_dir, int attempt, int staging, const std::string& token, EventLog& events);
// Of such a name: the process that was to remove it.
std::optional<pid_t> RemoverOf(const std::string& name);

}  // namespace fumehood
