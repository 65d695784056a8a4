#include "src/engine/reconcile.h"

#include <array>
#include <cstddef>

namespace fumehood {
namespace {

constexpr size_t kRecorded = 4;
constexpr size_t kObservations = 9;

using enum Action;

// A row: what is recorded; a column: what was seen, in the order of the enumerations.
//
// Queued and yet there: a start whose intent was lost with a loss of power before it was durable, or another engine's. The name there is
// this attempt's token, so it is ours: attach, never start a second.
// Starting and missing: the start never reached the backend. Running and missing: it is gone with all that it had.
// Ended: a final state never changes; what is still there of it has no business there.
constexpr std::array<std::array<Action, kObservations>, kRecorded> kTable = {{
    // queued        running      exited        preempted     node lost     missing       unschedulable duplicate      no information
    {{kAttach,       kAttach,     kPublish,     kRetryOrFail, kRetryOrFail, kStart,       kFail,        kEndDuplicate, kAskAgain}},  // queued
    {{kAttach,       kAttach,     kPublish,     kRetryOrFail, kRetryOrFail, kStart,       kFail,        kEndDuplicate, kAskAgain}},  // starting
    {{kAttach,       kNothing,    kPublish,     kRetryOrFail, kRetryOrFail, kRetryOrFail, kFail,        kEndDuplicate, kAskAgain}},  // running
    {{kEndLeftover,  kEndLeftover, kNothing,    kNothing,     kNothing,     kNothing,     kNothing,     kEndLeftover,  kNothing}},   // ended
}};

template <size_t N>
const char* NameOf(const std::array<const char*, N>& names, size_t index) {
  return index < N ? names[index] : "?";
}

}  // namespace

Action Reconcile(Recorded recorded, Observation observation) {
  return kTable.at(static_cast<size_t>(recorded)).at(static_cast<size_t>(observation));
}

const char* Name(Recorded recorded) {
  return NameOf(std::array{"queued", "starting", "running", "ended"}, static_cast<size_t>(recorded));
}

const char* Name(Observation observation) {
  return NameOf(std::array{"queued", "running", "exited", "preempted", "node_lost", "missing", "unschedulable", "duplicate", "no_information"},
                static_cast<size_t>(observation));
}

const char* Name(Action action) {
  return NameOf(std::array{"nothing", "start", "attach", "publish", "retry_or_fail", "fail", "end_duplicate", "end_leftover", "ask_again"},
                static_cast<size_t>(action));
}

}  // namespace fumehood
