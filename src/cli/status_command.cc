// fumehood status RUN
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/run_report.h"
#include "src/cli/run_sight.h"
#include "src/cli/terminal.h"
#include "src/record/result_json.h"

namespace fumehood {
namespace {

Result<int> Status(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood status RUN"));
  FH_ASSIGN_OR_RETURN(const auto sight, LookAtRun(context.config.state_dir, id));
  const RunResult& result = sight.result;
  PrintOut(arguments.Has("json") ? PrintResult(result) + "\n" : StatusReport(result, context.out_is_terminal));
  return 0;
}

}  // namespace

Command StatusCommand() {
  return {.name = "status", .summary = "How a run stands, or how it ended and why", .positional = "RUN",
          .flags = {{.name = "json", .help = "As JSON: the RunResult"}}, .run = Status};
}

}  // namespace fumehood
