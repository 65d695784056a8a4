#include "src/keeper/journal.h"

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/record/run_dir.h"

namespace fumehood {

Result<Journal> Journal::Open(int run_dir) {
  FH_ASSIGN_OR_RETURN(EventLog events, EventLog::Open(run_dir));
  FH_ASSIGN_OR_RETURN(AppendFile log, AppendFile::Open(run_dir, layout::kExecutionLog));
  return Journal(std::move(events), std::move(log));
}

void Journal::Event(std::string_view type, std::string_view members) {
  if (lost_ > 0) {
    JsonWriter lost;
    lost.Key("count").Int(lost_);
    if (events_.Append("events_lost", lost.text())) lost_ = 0;
  }
  if (!events_.Append(type, members)) ++lost_;
}

void Journal::Say(const std::string& sentence) {
  (void)execution_log_.Append(Rfc3339(Now()) + "  " + sentence + "\n");  // the events have the same, with more care
}

Result<void> Journal::Sync() {
  FH_TRY(execution_log_.Sync());
  return events_.Sync();
}

}  // namespace fumehood
