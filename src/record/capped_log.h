// CappedLog: one stream of the analysis' output, of which the first and the last half of a limit are kept.
//
// Theory of operation. The first half goes straight into NAME. From there on bytes go round a ring in a side file,
// NAME.tail, so that memory stays small however large the limit. Finish adds a marker line and the ring's contents to NAME
// and removes the side file. Bytes of NAME never move, so a reader's offsets stay true while the run goes on and after it.
// The side file tells where things are (log_ring.h): a reader follows the ring while the run goes on (log_reader.h), and a log
// whose keeper was killed is put together later by FinishCappedLog.
// On a full disk the ring goes round within the blocks that it has, so that the last words of a run are kept if any can be.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/record/log_ring.h"
#include "src/record/sha256.h"
#include "src/sys/fd.h"

namespace fumehood {

struct FinishedLog {
  int64_t bytes_seen = 0;     // what the analysis wrote
  int64_t bytes_dropped = 0;  // of these: not in the file, for the limit or for want of space
  int64_t bytes_failed = 0;   // of the dropped: those that could not be written
  std::string failure;        // the first such error; empty: none
  std::string sha256;         // of the file as it is now, markers included
};

class CappedLog {
 public:
  // `dir` must stay open while the log lives. 0 keeps all.
  static Result<CappedLog> Create(int dir, std::string name, int64_t limit_bytes);

  // Never fails: what a full disk does not take is counted, marked in the log at that place, and the run goes on.
  void Write(std::string_view data);
  // Call it once. The file is whole afterwards; where even that failed, the tail stays in the side file.
  FinishedLog Finish();

  int64_t bytes_seen() const { return state_.seen; }
  int64_t bytes_dropped() const { return state_.failed + state_.ring_in - state_.ring_kept; }  // so far

 private:
  friend Result<FinishedLog> FinishCappedLog(int dir, const std::string& name);

  CappedLog(int dir, std::string name) : dir_(dir), name_(std::move(name)) {}

  bool PutMarker();
  size_t PutHead(std::string_view data);
  size_t PutRing(std::string_view data);
  bool OpenRing();
  int64_t Unsaid() const;
  bool AppendToFile(std::string_view data);
  bool AppendRing();
  Result<void> Rehash();
  void Lose(size_t bytes);
  void Fail(size_t bytes, const Error& error);

  int dir_;
  std::string name_;
  Fd file_;
  Fd ring_;
  Sha256 digest_;          // of NAME so far
  bool at_line_start_ = true;
  std::string failure_;
  RingState state_;
};

// For a log whose writer was killed. A finished one is only counted: bytes_seen is then what is in it.
Result<FinishedLog> FinishCappedLog(int dir, const std::string& name);

}  // namespace fumehood
