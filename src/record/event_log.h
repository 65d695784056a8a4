// EventLog: the hash-chained audit log of a run, events.jsonl.
//
// One event a line:
//   {"seq":3,"time":"2026-01-02T03:04:05.678901Z","type":"started", ...members..., "prev":"<SHA-256>"}
// `seq` counts from 0; `prev` is the SHA-256 of the line before, without its newline, and 64 zeros in the first line.
//
// A line is one write(2), newline included. A crash in the middle leaves a fragment; the next Open ends it with a newline and
// adds a `torn` event that states its length and, as `prev`, its digest. So what is no event is legitimate in two places: at
// the end of the file, or right before the `torn` event that names it. Anywhere else it is tampering.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/base/clock.h"
#include "src/record/append_file.h"

namespace fumehood {

// Longer lines are refused, so that a reader can find the last line in bounded memory.
inline constexpr size_t kMaxEventBytes = 65536;

class EventLog {
 public:
  EventLog(EventLog&&) = default;
  EventLog& operator=(EventLog&& other) noexcept;
  ~EventLog();

  // Creates the log, or goes on with the chain that is there. Holds an exclusive lock while it lives: kUnavailable when
  // another process writes this log. kCorrupt when there is no event near its end.
  static Result<EventLog> Open(int run_dir);

  // `members`: those of the event beside seq, time, type and prev, as a JsonWriter without Begin/EndObject makes them:
  //   JsonWriter members;
  //   members.Key("pid").Int(42).Key("why").String("...");
  //   log.Append("started", members.text());
  // On failure (a full disk) the file is as it was before, and a later Append may succeed.
  Result<void> Append(std::string_view type, std::string_view members = {}, WallTime time = Now());
  Result<void> Sync();

  int64_t next_seq() const { return next_seq_; }
  const std::string& head() const { return head_; }  // SHA-256 of the last line

 private:
  void Release();
  explicit EventLog(AppendFile file) : file_(std::move(file)) {}
  Result<void> Continue();

  AppendFile file_;
  int64_t next_seq_ = 0;
  std::string head_ = std::string(64, '0');
};

}  // namespace fumehood
