// fumehood submit: starts a run that goes on by itself, and prints its id alone.
#include "src/base/json_writer.h"
#include "src/cli/command.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> Submit(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(arguments, context.config, context.submitter));
  Engine engine(context.config, context.submitter);
  auto submitted = engine.Submit(given.spec, {.idempotency_key = arguments.Value("idempotency-key")});
  if (!submitted) return given.Placed(std::move(submitted).error());
  JsonWriter json;
  json.BeginObject().Key("run_id").String(submitted->id).Key("waits").String(submitted->why_it_waits).Key("already").Bool(submitted->already).EndObject();
  PrintOut((context.json ? json.text() : submitted->id) + "\n");
  if (!submitted->why_it_waits.empty() && !context.json) PrintErr("fumehood: it waits in the queue: " + submitted->why_it_waits + "\n");
  if (submitted->already && !context.json) PrintErr("fumehood: it was submitted before, with this key\n");
  return 0;
}

}  // namespace

Command SubmitCommand() {
  Command command{.name = "submit", .summary = "Start an analysis that goes on by itself; prints its run id",
                  .positional = "[SPEC] [-- COMMAND...]", .flags = SpecFlags(),
                  .description = "It starts at once where there is room beside what runs, else when its turn has come; both go on when this terminal is\n"
                                 "closed. Its standard input is empty, or the spec's `stdin`.", .run = Submit,
                  .tells_problems = true};
  command.flags.push_back({.name = "idempotency-key", .value = "KEY", .help = "Submitted again with the same key, it is the same run"});
  command.flags.push_back({.name = "json", .help = "As JSON"});
  return command;
}

}  // namespace fumehood
