// fumehood kill RUN
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> Kill(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood kill RUN"));
  Engine engine(context.config, context.submitter);
  FH_ASSIGN_OR_RETURN(const bool killed, engine.kill(id));
  FH_ASSIGN_OR_RETURN(const RunResult result, engine.check_status(id));
  if (context.json) {
    JsonWriter json;
    json.BeginObject().Key("run_id").String(id).Key("killed").Bool(killed).Key("status").String(Name(result.status)).EndObject();
    PrintOut(json.Take() + "\n");
  } else if (killed) {
    PrintOut(fmt::format("killed {}\n", id));
  } else if (result.status == RunStatus::kKilled) {
    PrintOut(fmt::format("{} was killed before, on request\n", id));
  } else {
    PrintOut(fmt::format("{} had ended before: {}, {}\n", id, Name(result.status), Name(result.reason)));
  }
  return 0;
}

}  // namespace

Command KillCommand() {
  return {.name = "kill", .summary = "End a run and everything it started", .positional = "RUN",
          .flags = {{.name = "json", .help = "As JSON"}},
          .description = "SIGTERM first, SIGKILL after the run's grace period. Returns when nothing of it is alive.", .run = Kill};
}

}  // namespace fumehood
