// The record of a run that ended in the queue: killed there, or found impossible when its turn had come.
#pragma once

#include <string>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/engine/queue_entry.h"

namespace fumehood {

// Publishes runs/<id> with its result, whole and durable, and takes the run out of the queue. kAlreadyExists: it has a directory, so it
// was started or ended by another meanwhile.
Result<RunResult> RecordUnstarted(const std::string& state_dir, const QueueEntry& entry, RunStatus status, Reason reason, std::string notes);

// What a start that failed with `error` is recorded as.
Reason ReasonOfFailedStart(const Error& error);
// Whether the same start may succeed a little later.
bool IsTransient(const Error& error);
// One sentence or more, for the notes: all problems.
std::string NotesOfFailedStart(const Error& error);

}  // namespace fumehood
