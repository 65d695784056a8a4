#include "src/engine/ensure_dispatcher.h"

#include "src/executor/local/local_executor.h"
#include "src/record/queue_file.h"

namespace fumehood {

Result<void> EnsureDispatcher(const Config& config, bool for_whom_asks) {
  if (!for_whom_asks) {
    // Nearly always nothing waits: that is found out before the environment is looked through.
    FH_ASSIGN_OR_RETURN(const std::vector<RunId> waiting, ListWaiting(config.state_dir));
    if (waiting.empty()) return {};
  }
  return WakeDispatcher(config.state_dir, FindDispatcherProgram(config.state_dir, CurrentSubmitter().env), for_whom_asks);
}

}  // namespace fumehood
