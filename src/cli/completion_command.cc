// fumehood completion SHELL
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/completion.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> Completion(const Arguments& arguments, Context&) {
  const std::string shell = arguments.positional.size() == 1 ? arguments.positional[0] : "";
  const std::string script = CompletionScript(shell);
  if (script.empty()) {
    return Error(ErrorCode::kInvalidArgument, (shell.empty() ? "for which shell" : "there is no completion for " + Quoted(shell)) +
                                                  std::string(": `fumehood completion bash`, `zsh` or `fish`"));
  }
  PrintOut(script);
  return 0;
}

}  // namespace

Command CompletionCommand() {
  return {.name = "completion", .summary = "Completion of commands and flags, for bash, zsh or fish", .positional = "SHELL",
          .description = "bash:  source <(fumehood completion bash)\n"
                         "zsh:   source <(fumehood completion zsh)\n"
                         "fish:  fumehood completion fish | source",
          .run = Completion, .needs_config = false};
}

}  // namespace fumehood
