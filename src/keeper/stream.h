// One stream of the analysis' output: from its pipe into the capped log and, while the launcher listens, through to it.
#pragma once

#include <string>

#include "src/record/capped_log.h"
#include "src/sys/fd.h"

namespace fumehood {

class OutputStream {
 public:
  // `sink`: a descriptor of the launcher's, not owned, or -1.
  OutputStream(Fd source, CappedLog log, int sink);

  // What to poll for: the source, or, while the sink has not taken all, the sink alone: a slow reader slows the analysis, as
  // any pipe does, and nothing is held in memory.
  int poll_fd() const;
  short poll_events() const;
  bool open() const { return source_.valid(); }

  void OnReady();       // what poll_fd was waited for has come
  // After the end: all that is left in the pipe (its capacity at most) goes into the log, and is kept for the sink.
  FinishedLog Finish();
  void FlushSink();     // blocks for as long as whoever listens does not read
  int64_t bytes_seen() const { return log_.bytes_seen(); }

 private:
  bool ReadSome();
  void PassOn();

  Fd source_;
  CappedLog log_;
  int sink_;
  std::string pending_;
};

}  // namespace fumehood
