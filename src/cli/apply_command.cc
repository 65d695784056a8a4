// fumehood apply RUN [PATH...]
#include <fmt/format.h>

#include "src/cli/bring_over.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> ApplyRun(const Arguments& arguments, Context& context) {
  if (arguments.positional.empty() || !arguments.command.empty()) {
    return Error(ErrorCode::kInvalidArgument, "one run is needed: `fumehood apply RUN [PATH...]`; `fumehood ls` lists them");
  }
  FH_ASSIGN_OR_RETURN(const RunId id, NamedRun(arguments.positional[0], context));
  FH_ASSIGN_OR_RETURN(const RunChanges changes, OpenChanges(context.config, id));
  if (!IsFinal(changes.result.status)) {
    Tell(Error(ErrorCode::kUnavailable, fmt::format("run {} has not ended: what it writes may be half done. `fumehood wait {}` waits "
                                                    "for it", id, id)), context);
    return kExitIncomplete;
  }
  BringRequest request;
  request.paths.assign(arguments.positional.begin() + 1, arguments.positional.end());
  request.force = arguments.Has("force");
  request.may_ask = context.in_is_terminal && context.err_is_terminal;
  FH_ASSIGN_OR_RETURN(const Brought brought, BringOver(changes, request));
  if (!brought.conflicts.empty()) {
    Tell(ConflictError(id, brought.conflicts), context);
    return kExitIncomplete;
  }
  PrintOut(context.json ? BroughtJson(id, changes, brought) : BroughtReport(changes, brought, context.out_is_terminal));
  return AnyFailed(brought) ? kExitIncomplete : 0;
}

}  // namespace

Command ApplyCommand() {
  return {.name = "apply", .summary = "Bring what a run wrote into the work directory", .positional = "RUN [PATH...]",
          .flags = {{.name = "force", .letter = 'f', .help = "Overwrite what was changed there meanwhile, without asking"},
                    {.name = "json", .help = "As JSON"}},
          .description = "All of it, or what lies at and below each PATH. Where the work directory was changed after the run had started, a\n"
                         "person is asked; where nobody can be asked, nothing is done. Only contents and links within the tree come over:\n"
                         "no special permissions and no special files. Dot-files, and what git would run, come over only when named.",
          .run = ApplyRun};
}

}  // namespace fumehood
