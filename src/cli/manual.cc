#include "src/cli/manual.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/command.h"

namespace fumehood {
namespace {

constexpr const char* kIntroduction =
    "Fumehood runs scientific analyses under a hood: each one sealed in its own box, inside a budget, in a named runtime, with a\n"
    "complete record left behind.";

constexpr const char* kRuns =
    "RUN is a run id, the beginning of one as far as it is unique, or `last` for the latest run.";

constexpr const char* kJson =
    "Every command that shows something takes `--json`, and then prints JSON instead of words; `run` and `wait` still exit as the\n"
    "analysis did. An error is then one line of JSON on standard error: an object `error` with `code` (such as `invalid_argument` or\n"
    "`not_found`), `message` and `problems`, a list of objects with `field`, `message`, `source` (a file, a flag or a variable), `line`\n"
    "and `column` (0: not known). Text that is not UTF-8 has its bytes in KEY_hex beside KEY.";

struct Meaning {
  const char* code;
  const char* meaning;
};
constexpr Meaning kExitCodes[] = {
    {"0", "the analysis ended well, or the command did what it was asked"},
    {"1", "`verify` found a change, `apply` (or `run --apply`) or `gc` could not do all of it, `doctor` found that the default isolation cannot be enforced, `doctor --database` damage"},
    {"2", "the command line, the spec or the configuration is wrong, or names what is not there; nothing was made"},
    {"124", "a time limit ended the run"},
    {"125", "a fault of Fumehood's, or of the host"},
    {"126, 127", "the analysis' command cannot be executed, or is not there"},
    {"137", "the memory limit ended the run"},
    {"128 + N", "signal N ended the run"},
    {"any other", "the analysis' own, from `run` and `wait`"},
};

struct Variable {
  const char* name;
  const char* meaning;
};
constexpr Variable kVariables[] = {
    {"FUMEHOOD_STATE", "where runs are kept; default: /var/lib/fumehood for root, else $XDG_STATE_HOME/fumehood"},
    {"EXECUTOR_TYPE", "where runs execute; this version has `local`"},
    {"NO_COLOR", "no colour, on a terminal either"},
};

std::string Usage(const Command& command) {
  return fmt::format("fumehood {}{}{}", command.name, command.flags.empty() ? "" : " [flags]",
                     command.positional.empty() ? "" : " " + command.positional);
}

std::string Spelling(const Flag& flag) {
  return (flag.letter != 0 ? fmt::format("-{}, ", flag.letter) : "") + "--" + flag.name + (flag.value.empty() ? "" : " " + flag.value);
}

// In a cell of a table | would end it; in text < would begin a tag.
std::string Cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : c == '<' ? std::string("&lt;") : std::string(1, c);
  return out;
}

std::string CommandMarkdown(const Command& command) {
  std::string text = fmt::format("\n## {}\n\n{}.\n\n    {}\n", command.name, command.summary, Usage(command));
  if (!command.description.empty()) text += "\n" + Cell(command.description) + "\n";
  if (command.flags.empty()) return text;
  text += "\n| flag | meaning |\n|---|---|\n";
  for (const Flag& flag : command.flags) {
    text += fmt::format("| `{}` | {}{} |\n", Cell(Spelling(flag)), Cell(flag.help), flag.repeated ? "; may be repeated" : "");
  }
  return text;
}

// roff(7): a backslash begins an escape, a dot or an apostrophe at the front of a line a request; backquotes are bold here.
std::string Roff(const std::string& text) {
  std::string out;
  bool bold = false;
  for (const char c : text) {
    if (c == '`') {
      bold = !bold;
      out += bold ? "\\fB" : "\\fR";
      continue;
    }
    const bool starts_line = out.empty() || out.back() == '\n';
    if (starts_line && (c == '.' || c == '\'')) out += "\\&";
    out += c == '\\' ? std::string("\\e") : c == '-' ? std::string("\\-") : std::string(1, c);
  }
  return out;
}

std::string CommandRoff(const Command& command) {
  std::string text = fmt::format(".SS {}\n.B {}\n.PP\n{}.\n", Roff(command.name), Roff(Usage(command)), Roff(command.summary));
  // As it stands: descriptions hold lists whose lines mean something.
  if (!command.description.empty()) text += fmt::format(".PP\n.nf\n{}\n.fi\n", Roff(command.description));
  for (const Flag& flag : command.flags) {
    text += fmt::format(".TP\n.B {}\n{}{}\n", Roff(Spelling(flag)), Roff(flag.help), flag.repeated ? "; may be repeated" : "");
  }
  return text;
}

}  // namespace

std::string ManualMarkdown() {
  std::string text = fmt::format("# The command line\n\nMade from the program's own tables by `fumehood manual`; do not edit.\n\n{}\n\n{}\n\n{}\n\n", kIntroduction,
                                 kRuns, kJson);
  text += "| command | |\n|---|---|\n";
  for (const Command& command : AllCommands()) {
    if (!command.hidden) text += fmt::format("| [{0}](#{0}) | {1} |\n", command.name, Cell(command.summary));
  }
  for (const Command& command : AllCommands()) {
    if (!command.hidden) text += CommandMarkdown(command);
  }
  text += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const auto& [code, meaning] : kExitCodes) text += fmt::format("| {} | {} |\n", code, Cell(meaning));
  text += "\n## Environment\n\n| variable | meaning |\n|---|---|\n";
  for (const auto& [name, meaning] : kVariables) text += fmt::format("| `{}` | {} |\n", name, Cell(meaning));
  return text + "\n`.env.example` has them all, `fumehood.toml.example` the settings of a file.\n";
}

std::string ManualPage() {
  std::string text = fmt::format(".TH FUMEHOOD 1 \"\" \"fumehood {}\" \"User Commands\"\n", FH_VERSION);
  text += ".SH NAME\nfumehood \\- run scientific analyses under a hood\n.SH SYNOPSIS\n.B fumehood\n.I COMMAND\n[flags]\n";
  text += fmt::format(".SH DESCRIPTION\n{}\n.PP\n{}\n.PP\n{}\n.SH COMMANDS\n", Roff(kIntroduction), Roff(kRuns), Roff(kJson));
  for (const Command& command : AllCommands()) {
    if (!command.hidden) text += CommandRoff(command);
  }
  text += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : kExitCodes) text += fmt::format(".TP\n.B {}\n{}\n", code, Roff(meaning));
  text += ".SH ENVIRONMENT\n";
  for (const auto& [name, meaning] : kVariables) text += fmt::format(".TP\n.B {}\n{}\n", name, Roff(meaning));
  return text;
}

}  // namespace fumehood
