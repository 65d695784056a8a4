// fumehood wait RUN
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/run_report.h"
#include "src/cli/terminal.h"
#include "src/record/result_json.h"

namespace fumehood {
namespace {

Result<int> Wait(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood wait RUN"));
  Engine engine(context.config, context.submitter);
  FH_ASSIGN_OR_RETURN(const RunResult result, engine.Wait(id));
  PrintOut(arguments.Has("json") ? PrintResult(result) + "\n" : StatusReport(result, context.out_is_terminal));
  return ExitCodeOf(result);
}

}  // namespace

Command WaitCommand() {
  return {.name = "wait", .summary = "Wait for a run to end; exits as the run did", .positional = "RUN",
          .flags = {{.name = "json", .help = "As JSON: the RunResult"}}, .run = Wait};
}

}  // namespace fumehood
