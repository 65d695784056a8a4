// fumehood manual
#include "fumehood/result.h"
#include "src/cli/command.h"
#include "src/cli/manual.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> Manual(const Arguments& arguments, Context&) {
  if (!arguments.positional.empty() || !arguments.command.empty()) {
    return Error(ErrorCode::kInvalidArgument, "manual takes flags only: it is one manual; `fumehood help COMMAND` tells of one command");
  }
  return PrintOut(arguments.Has("page") ? ManualPage() : ManualMarkdown()) ? 0 : 1;
}

}  // namespace

Command ManualCommand() {
  return {.name = "manual", .summary = "The manual of the command line, as docs/cli.md has it",
          .flags = {{.name = "page", .help = "As a page for man(1)"}}, .run = Manual, .needs_config = false};
}

}  // namespace fumehood
