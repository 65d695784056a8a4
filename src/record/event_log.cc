#include "src/record/event_log.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/record/event_line.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

// The end of the log: its last whole event, and what follows that.
struct Tail {
  std::string_view event;     // empty: there is none in sight
  std::string_view fragment;  // without its last newline; may hold several lines, when closing it was torn too
  bool event_ended = false;   // the event has its newline
};

Tail SplitTail(std::string_view text) {
  const bool ended = text.ends_with('\n');
  if (ended) text.remove_suffix(1);
  for (std::string_view rest = text;;) {
    const size_t start = rest.rfind('\n') + 1;  // npos + 1 is 0
    const std::string_view line = rest.substr(start);
    if (FindEventEnds(line)) {
      const bool last = rest.size() == text.size();
      return {line, last ? std::string_view() : text.substr(rest.size() + 1), !last || ended};
    }
    if (start == 0) return {{}, text, false};
    rest = rest.substr(0, start - 1);
  }
}

}  // namespace

Result<EventLog> EventLog::Open(int run_dir) {
  FH_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(run_dir, layout::kEvents));
  FH_ASSIGN_OR_RETURN(const bool locked, TryLockExclusive(file.fd()));
  if (!locked) return Error(ErrorCode::kUnavailable, "events.jsonl is being written by another process");
  FH_TRY(file.Refresh());  // now that nobody else can make it grow
  EventLog log(std::move(file));
  FH_TRY(log.Continue());
  return log;
}

// Not left to the closing: a child that another thread is just starting has a copy of the descriptor until it executes its
// program, and would hold the lock as long.
void EventLog::Release() {
  if (file_.fd() >= 0) Unlock(file_.fd());
}

EventLog::~EventLog() { Release(); }

EventLog& EventLog::operator=(EventLog&& other) noexcept {
  if (this == &other) return *this;
  Release();
  file_ = std::move(other.file_);
  next_seq_ = other.next_seq_;
  head_ = std::move(other.head_);
  return *this;
}

Result<void> EventLog::Continue() {
  if (file_.size() == 0) return {};
  // Room for a fragment and the whole line before it.
  const auto room = static_cast<size_t>(std::min<int64_t>(file_.size(), 2 * kMaxEventBytes + 2));
  std::string text(room, '\0');
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file_.fd(), text.data(), room, file_.size() - static_cast<int64_t>(room)));
  text.resize(got);
  const Tail tail = SplitTail(text);
  if (tail.event.empty() && static_cast<int64_t>(got) < file_.size()) {
    return Error(ErrorCode::kCorrupt, "events.jsonl: no event near its end; `fumehood verify` says where it was changed");
  }
  if (!tail.event.empty()) {
    next_seq_ = FindEventEnds(tail.event)->seq + 1;
    head_ = Sha256Hex(tail.event);
  }
  if (tail.fragment.empty()) return tail.event_ended ? Result<void>() : file_.Append("\n");
  head_ = Sha256Hex(tail.fragment);
  if (!text.ends_with('\n')) FH_TRY(file_.Append("\n"));
  JsonWriter members;
  members.Key("bytes").Int(static_cast<int64_t>(tail.fragment.size()));
  return Append(kTornEvent, members.text());
}

Result<void> EventLog::Append(std::string_view type, std::string_view members, WallTime time) {
  std::string line = PrintEvent(next_seq_, Rfc3339(time), type, members, head_);
  if (line.size() > kMaxEventBytes || line.find('\n') != std::string::npos) {
    return Error(ErrorCode::kInternal, fmt::format("event '{}': {} bytes, or more than one line", type, line.size()));
  }
  std::string head = Sha256Hex(line);
  line += '\n';
  Result<void> appended = file_.Append(line);
  if (!appended) return std::move(appended).error().Within("append to events.jsonl");
  head_ = std::move(head);
  ++next_seq_;
  return {};
}

Result<void> EventLog::Sync() { return file_.Sync(); }

}  // namespace fumehood
