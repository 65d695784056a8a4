// LogReader: what an analysis printed, from a capped log that may still be growing.
//
// Theory of operation. As long as NAME alone holds the log, its bytes are handed out. When the first half of the limit is full,
// the newest bytes go round a ring (log_ring.h): the reader goes on there, and where it was overtaken it says in a marker line
// how many bytes it missed, and continues with the oldest that is there. It never goes back. Having opened the ring it stays
// with it to the end, also when the keeper has moved the ring's contents into NAME and removed it. So what it hands out last
// is the tail of the finished log, whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "fumehood/result.h"
#include "src/record/log_ring.h"
#include "src/sys/fd.h"

namespace fumehood {

class LogReader {
 public:
  enum class Until { kEnd, kPresentEnd };  // with the latter a log that grows faster than it is read still comes to an end

  // `from`: a place in NAME; negative: so many bytes before the end of the log. NAME need not be there yet.
  LogReader(Fd dir, std::string name, int64_t from, Until until)
      : dir_(std::move(dir)), name_(std::move(name)), from_(from), until_(until) {}

  // About `limit` bytes at most that follow what was handed out before. Empty: there is nothing new. When the run was known to
  // have ended before this was called, there will never be.
  Result<std::string> Next(int64_t limit);

  // Where the byte after what was handed out stands in all that the analysis wrote.
  int64_t next_offset() const { return at_ >= 0 ? at_ : std::max<int64_t>(0, from_); }

 private:
  Result<bool> Open();
  Result<void> OpenRing();
  Result<void> Start();
  Result<std::string> FromFile(int64_t limit);
  Result<std::string> FromRing(int64_t limit);

  Fd dir_;
  std::string name_;
  int64_t from_;  // in NAME: the next byte
  Until until_;
  bool started_ = false;
  Fd file_;
  Fd ring_;
  std::optional<RingState> state_;  // with ring_: the last one seen whole
  int64_t at_ = -1;                 // of all that the analysis wrote: the next byte; known once NAME's part is handed out
  int64_t end_ = INT64_MAX;         // as at_: where to stop
  bool at_line_start_ = true;
};

}  // namespace fumehood
