// fumehood: reads the command line and the configuration, and hands both to one command.
#include <unistd.h>

#include <algorithm>

#include "src/base/ulid.h"
#include "src/cli/command.h"
#include "src/cli/parser.h"
#include "src/cli/terminal.h"
#include "src/config/read_config.h"
#include "src/engine/ensure_dispatcher.h"

namespace fumehood {
namespace {

// NO_COLOR: a convention that many programs honour.
bool MayColour(int fd, const Submitter& submitter) {
  return isatty(fd) != 0 && !submitter.env.contains("NO_COLOR") && (!submitter.env.contains("TERM") || submitter.env.at("TERM") != "dumb");
}

// Errors are told in JSON where it was asked for, also when the rest of the line cannot be understood.
bool WantsJson(const std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), dashes, "--json") != dashes;
}

Result<int> Main(const std::vector<std::string>& words, Context& context) {
  FH_ASSIGN_OR_RETURN(const Parsed parsed, ParseCommandLine(words));
  if (parsed.command == nullptr) {
    PrintOut(parsed.text);
    return 0;
  }
  if (parsed.command->launches) {
    // Where it cannot be had, the launch says why.
    if (auto keeper = IdleKeeper::Start(NewRunId())) context.keeper.emplace(std::move(keeper).value());
  }
  if (parsed.command->needs_config) {
    FH_ASSIGN_OR_RETURN(context.config, ReadConfig(DefaultSources()));
    // What starts waiting runs may have been killed: whoever comes next starts it again. Where nothing waits this is one look.
    if (!parsed.command->hidden) (void)EnsureDispatcher(context.config);
  }
  return parsed.command->run(parsed.arguments, context);
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) {
  using namespace fumehood;
  const std::vector<std::string> words(argv + 1, argv + argc);
  Context context;
  context.submitter = CurrentSubmitter();
  context.out_is_terminal = MayColour(STDOUT_FILENO, context.submitter);
  context.err_is_terminal = MayColour(STDERR_FILENO, context.submitter);
  context.in_is_terminal = isatty(STDIN_FILENO) != 0;
  context.json = WantsJson(words);
  const Result<int> code = Main(words, context);
  if (code) return *code;
  Tell(code.error(), context);
  return ExitCodeOf(code.error());
}
