#include "src/cli/completion.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/command.h"

namespace fumehood {
namespace {

std::vector<const Command*> Visible() {
  std::vector<const Command*> commands;
  for (const Command& command : AllCommands()) {
    if (!command.hidden) commands.push_back(&command);
  }
  return commands;
}

std::string Names() {
  std::vector<std::string> names = {"help"};
  for (const Command* command : Visible()) names.push_back(command->name);
  return Join(names, " ");
}

std::vector<std::string> Spellings(const Command& command) {
  std::vector<std::string> spellings = {"--help"};
  for (const Flag& flag : command.flags) {
    spellings.push_back("--" + flag.name);
    if (flag.letter != 0) spellings.push_back(std::string("-") + flag.letter);
  }
  return spellings;
}

// Apostrophes would end the quoted word.
std::string SingleQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

bool TakesRun(const Command& command) { return command.positional.starts_with("RUN"); }

// Behind -- stands the analysis' own command: files are offered there. A run's id comes from `ls`, asked anew each time.
std::string Bash() {
  std::string cases;
  std::string with_runs;
  for (const Command* command : Visible()) {
    cases += fmt::format("    {}) flags=\"{}\" ;;\n", command->name, Join(Spellings(*command), " "));
    if (TakesRun(*command)) with_runs += (with_runs.empty() ? "" : "|") + command->name;
  }
  return fmt::format(R"bash(# fumehood completion for bash
_fumehood() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} flags="" i
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
    return
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    if [ "${{COMP_WORDS[i]}}" = -- ]; then
      COMPREPLY=($(compgen -o default -- "$word"))
      return
    fi
  done
  case "$command" in
{}  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ; return ;;
  esac
  case "$command" in
    {}) COMPREPLY=($(compgen -W "last $(fumehood ls --json 2>/dev/null | grep -o '"run_id":"[0-9A-Z]*"' | cut -d'"' -f4)" -- "$word")) ;;
  esac
}}
complete -o default -F _fumehood fumehood
)bash",
                     Names(), cases, with_runs);
}

// zsh reads bash completions through its own compatibility layer.
std::string Zsh() { return "# fumehood completion for zsh\nautoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n" + Bash(); }

std::string Fish() {
  std::string text = "# fumehood completion for fish\n";
  for (const Command* command : Visible()) {
    text += fmt::format("complete -c fumehood -n __fish_use_subcommand -f -a {} -d {}\n", command->name, SingleQuoted(command->summary));
    for (const Flag& flag : command->flags) {
      text += fmt::format("complete -c fumehood -n '__fish_seen_subcommand_from {}' -l {}{}{} -d {}\n", command->name, flag.name,
                          flag.letter != 0 ? std::string(" -s ") + flag.letter : "", flag.value.empty() ? "" : " -r",
                          SingleQuoted(flag.help));
    }
  }
  return text;
}

}  // namespace

std::string CompletionScript(const std::string& shell) {
  if (shell == "bash") return Bash();
  if (shell == "zsh") return Zsh();
  if (shell == "fish") return Fish();
  return "";
}

}  // namespace fumehood
