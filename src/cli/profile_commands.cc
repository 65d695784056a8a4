// fumehood tool, fumehood post-process: `run` with another profile.
#include <fmt/format.h>

#include "src/cli/command.h"
#include "src/cli/run_command.h"

namespace fumehood {
namespace {

Command RunWithProfile(std::string name, const char* profile, std::string summary, const char* for_what) {
  return {.name = std::move(name), .summary = std::move(summary), .positional = "[SPEC] [-- COMMAND...]", .flags = RunFlags(),
          .description = fmt::format("The same as `fumehood run --profile {}`: {}. What\n`fumehood run --help` says of flags, output and "
                                     "exit codes is true here too; `fumehood profiles` shows the limits.", profile, for_what),
          .run = [profile](const Arguments& arguments, Context& context) -> Result<int> {
            Arguments run = arguments;
            if (!run.Has("profile")) run.flags["profile"] = {profile};
            return RunInForeground(run, context);
          },
          .launches = true, .tells_problems = true};
}

}  // namespace

Command ToolCommand() {
  return RunWithProfile("tool", "tool", "Run a small tool here and now, within the limits of the profile `tool`",
                        "for the many small programs that an agent or a pipeline calls");
}

Command PostProcessCommand() {
  return RunWithProfile("post-process", "post_process", "Run what comes after an analysis, within the limits of the profile `post_process`",
                        "for tables, figures and reports from results that are there");
}

}  // namespace fumehood
