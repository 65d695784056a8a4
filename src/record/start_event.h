// When a run that has no result yet was started.
#pragma once

#include <string>

#include "src/record/run_dir.h"

namespace fumehood {

// RFC 3339, of the last attempt's `started` event; "" where the analysis has not been executed.
std::string StartedAt(const RunDir& run);

// An attempt that is followed by another.
inline constexpr const char* kAttemptEndedEvent = "attempt_ended";

// Of the events so far, as far as somebody who finds a run without a result must know them.
struct ToldSoFar {
  int started_attempt = 0;    // the last that was executed; 0: none
  bool ended = false;         // the run's end is told
  std::string closed_result;  // SHA-256 of the result that the last event, a closing one, names; empty: it is none
};
ToldSoFar ReadToldSoFar(const RunDir& run);

}  // namespace fumehood
