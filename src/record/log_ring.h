// The side file NAME.tail of a capped log: one block that tells where things are, then the ring that holds the newest bytes.
//
// Two processes know it: the keeper that writes (capped_log.h), and whoever reads a log while it grows (log_reader.h). The
// state is written before and after the bytes that it speaks of. Before: how many of the oldest are about to be written over,
// so that neither a reader nor a recovery after the writer's death takes newer bytes for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

inline constexpr const char* kRingSuffix = ".tail";
inline constexpr int64_t kRingStart = 4096;  // data begins behind the state, on a block of its own

struct RingState {
  int64_t magic = 0;
  int64_t limit = 0;
  int64_t head_left = 0;   // of the first half: bytes still to come
  int64_t file_size = 0;   // of NAME while the ring is in use
  int64_t seen = 0;        // dealt with: in NAME, in the ring, or counted as failed
  int64_t failed = 0;
  int64_t unmarked = 0;    // failed, and not yet said in the log
  int64_t ring_size = 0;   // bytes until it goes round
  int64_t ring_in = 0;     // bytes that ever went in
  int64_t ring_kept = 0;   // of these: still there
  int64_t ring_at = 0;     // where the next one goes
  int64_t claimed = 0;     // bytes on their way in
  uint64_t check = 0;      // over all the others: a reader may come in the middle of a write

  // The oldest bytes of the ring, without those that the claim may have written over.
  int64_t Sure() const;
  // Where in the ring the byte stands that is followed by `newer` others.
  int64_t Slot(int64_t newer) const { return (ring_at + ring_size - newer) % ring_size; }
};

// Nobody may be there to hear of a failure: only a reader or a recovery would miss it.
void SaveRingState(const Fd& ring, RingState& state);
// Empty where the file does not hold a state, or not yet the whole of it.
Result<std::optional<RingState>> LoadRingState(const Fd& ring);

}  // namespace fumehood
