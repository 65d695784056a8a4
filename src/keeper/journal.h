// What the keeper tells: events for the audit log, sentences for the execution log, news for the launcher.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/record/append_file.h"
#include "src/record/event_log.h"

namespace fumehood {

class Journal {
 public:
  static Result<Journal> Open(int run_dir);

  // Neither can fail the run: a full disk costs lines of a log, which the log says as soon as it can again.
  void Event(std::string_view type, std::string_view members = {});
  void Say(const std::string& sentence);  // "2026-...Z  sentence"

  EventLog& events() { return events_; }
  int execution_log_fd() const { return execution_log_.fd(); }
  Result<void> Sync();

 private:
  Journal(EventLog events, AppendFile execution_log) : events_(std::move(events)), execution_log_(std::move(execution_log)) {}
  EventLog events_;
  AppendFile execution_log_;
  int64_t lost_ = 0;
};

}  // namespace fumehood
