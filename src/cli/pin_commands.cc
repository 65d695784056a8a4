// fumehood pin, fumehood unpin
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/terminal.h"
#include "src/record/change_log.h"
#include "src/record/pins.h"

namespace fumehood {
namespace {

Result<int> SetPins(const Arguments& arguments, Context& context, bool pin) {
  const char* verb = pin ? "pin" : "unpin";
  if (arguments.positional.empty() || !arguments.command.empty()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("at least one run is needed: `fumehood {} RUN...`; `fumehood ls` lists them", verb));
  }
  // All of them are looked up before anything is done.
  std::vector<RunId> ids;
  std::vector<Problem> problems;
  for (const std::string& text : arguments.positional) {
    auto id = NamedRun(text, context);
    if (id) ids.push_back(std::move(*id));
    if (!id) problems.push_back({"RUN", id.error().message(), "", 0, 0});
  }
  if (problems.size() == 1) return Error(ErrorCode::kInvalidArgument, problems[0].message);
  if (!problems.empty()) return Error(fmt::format("{} of these are no runs; nothing was {}ned", problems.size(), verb), std::move(problems));
  JsonWriter json;
  json.BeginObject().Key(pin ? "pinned" : "unpinned").BeginArray();
  for (const RunId& id : ids) {
    FH_ASSIGN_OR_RETURN(const bool changed, pin ? Pin(context.config.state_dir, id) : Unpin(context.config.state_dir, id));
    NoteChange(context.config.state_dir, id, change::kPinned);
    json.String(id);
    if (!context.json) PrintOut(fmt::format("{} {}\n", id, changed ? (pin ? "is pinned" : "is not pinned any more") : (pin ? "was pinned already" : "was not pinned")));
  }
  if (context.json) PrintOut(json.EndArray().EndObject().Take() + "\n");
  return 0;
}

}  // namespace

Command PinCommand() {
  return {.name = "pin", .summary = "Keep runs for good: gc never removes a pinned one", .positional = "RUN...", .flags = {{.name = "json", .help = "As JSON"}},
          .run = [](const Arguments& arguments, Context& context) { return SetPins(arguments, context, true); }};
}

Command UnpinCommand() {
  return {.name = "unpin", .summary = "Give pinned runs free for gc again", .positional = "RUN...", .flags = {{.name = "json", .help = "As JSON"}},
          .run = [](const Arguments& arguments, Context& context) { return SetPins(arguments, context, false); }};
}

}  // namespace fumehood
