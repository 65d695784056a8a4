// fumehood submit: starts a run that goes on by itself, and prints its id alone.
#include "src/base/json_writer.h"
#include "src/cli/command.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> Submit(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(arguments, context.config, context.submitter));
  LocalExecutor executor(context.config, context.submitter);
  auto id = executor.run_analysis(given.spec);
  if (!id) return given.Placed(std::move(id).error());
  JsonWriter json;
  json.BeginObject().Key("run_id").String(*id).EndObject();
  PrintOut((context.json ? json.text() : *id) + "\n");
  return 0;
}

}  // namespace

Command SubmitCommand() {
  Command command{.name = "submit", .summary = "Start an analysis that goes on by itself; prints its run id",
                  .positional = "[SPEC] [-- COMMAND...]", .flags = SpecFlags(),
                  .description = "It goes on when this terminal is closed. Its standard input is empty, or the spec's `stdin`.", .run = Submit,
                  .tells_problems = true};
  command.flags.push_back({.name = "json", .help = "As JSON"});
  return command;
}

}  // namespace fumehood
