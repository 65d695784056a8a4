// Reconcile: what is to be done about an attempt, from what is recorded of it and what was just seen of it. One table for all executors;
// every cell of it is tested.
#pragma once

namespace fumehood {

// What the record says.
enum class Recorded {
  kQueued,    // nothing was asked of the backend yet
  kStarting,  // the intent to start it is durable, its handle is not
  kRunning,   // the backend took it
  kEnded,     // its result is published
};

// What the backend says.
enum class Observation {
  kQueued,         // it waits there
  kRunning,
  kExited,         // with its evidence
  kPreempted,
  kNodeLost,
  kMissing,        // several complete listings do not have it
  kUnschedulable,  // it will never run there
  kDuplicate,      // there are two of this attempt
  kNoInformation,  // the backend could not be asked: no answer is no news
};

enum class Action {
  kNothing,
  kStart,          // ask the backend for it
  kAttach,         // it is there and ours: watch it
  kPublish,        // its end was seen: judge it and publish the result
  kRetryOrFail,    // it was lost through no fault of its own: another attempt where the spec allows, else the end as the loss
  kFail,           // it cannot be run: publish that
  kEndDuplicate,   // end the younger of the two, keep watching the other
  kEndLeftover,    // it is over, but something of it is still there: end that
  kAskAgain,
};

Action Reconcile(Recorded recorded, Observation observation);

const char* Name(Recorded recorded);
const char* Name(Observation observation);
const char* Name(Action action);

}  // namespace fumehood
