// fumehood dispatch: starts what waits. Started by whoever queues a run; people need it only to look at it at work.
#include <unistd.h>

#include <cerrno>

#include "src/cli/command.h"
#include "src/engine/dispatcher.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

Result<int> Dispatch(const Arguments& arguments, Context& context) {
  if (arguments.Has("detach")) {
    const pid_t child = fork();  // this program has one thread here
    const int error = errno;
    if (child < 0) return ErrnoError(error, "fork");
    if (child > 0) return 0;
  }
  if (chdir("/") != 0) return ErrnoError(errno, "chdir /");  // it is not to hold a directory of the submitter's
  FH_TRY(RunDispatcher(context.config));
  return 0;
}

}  // namespace

Command DispatchCommand() {
  return {.name = "dispatch", .summary = "Start what waits in the queue, until nothing does",
          .flags = {{.name = "detach", .help = "Go on in the background"}},
          .description = "`submit` sees to it that one is there; so do `status`, `wait` and `ls` where something waits.", .run = Dispatch, .hidden = true};
}

}  // namespace fumehood
