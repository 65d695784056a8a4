#include "src/cli/parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

std::string Spelling(const Flag& flag) {
  return (flag.letter != 0 ? fmt::format("-{}, ", flag.letter) : "") + "--" + flag.name + (flag.value.empty() ? "" : " " + flag.value);
}

std::vector<Flag> WithCommonFlags(const Command& command) {
  std::vector<Flag> flags = command.flags;
  flags.push_back({.name = "help", .letter = 'h', .help = "Show this help"});
  return flags;
}

// CLI11 says that a word was not expected; which flag was meant is ours to guess.
std::string NearestFlag(const Command& command, const std::string& word) {
  std::vector<std::string> names;
  for (const Flag& flag : WithCommonFlags(command)) names.push_back("--" + flag.name);
  return NearestName(word.substr(0, word.find('=')), names);
}

std::string LongName(const Flag& flag) { return "--" + flag.name; }

const Flag* FlagSpelt(const std::vector<Flag>& flags, const std::string& word) {
  const std::string spelling = word.substr(0, word.find('='));
  for (const Flag& flag : flags) {
    if (spelling == LongName(flag) || (flag.letter != 0 && spelling == std::string("-") + flag.letter)) return &flag;
  }
  return nullptr;
}

// CLI11 tells of one fault and stops, or takes for an argument what was meant as a flag's value. What is no flag, and a flag at
// the end or before another one, is found here and taken out.
class FaultyFlags {
 public:
  FaultyFlags(const Command& command, const std::vector<Flag>& flags, std::vector<Problem>& problems)
      : command_(command), flags_(flags), problems_(problems) {}

  std::vector<std::string> TakeOut(const std::vector<std::string>& words) {
    std::vector<std::string> kept;
    for (size_t i = 0; i < words.size(); ++i) {
      const Flag* flag = FlagSpelt(flags_, words[i]);
      const bool unknown = flag == nullptr && words[i].starts_with("--");
      if (unknown) flag = ReportUnknown(words[i]);
      const bool takes_next = flag != nullptr && !flag->value.empty() && words[i].find('=') == std::string::npos;
      const bool has_next = i + 1 < words.size() && !words[i + 1].starts_with("--") && FlagSpelt(flags_, words[i + 1]) == nullptr;
      if (takes_next && !has_next && !unknown) {
        problems_.push_back({"", fmt::format("needs a value: {} {}", LongName(*flag), flag->value), LongName(*flag)});
        continue;
      }
      if (!unknown) kept.push_back(words[i]);
      if (takes_next && has_next) {
        ++i;
        if (!unknown) kept.push_back(words[i]);
      }
    }
    return kept;
  }

 private:
  // The flag that was probably meant: the next word is then its value.
  const Flag* ReportUnknown(const std::string& word) {
    const std::string nearest = NearestFlag(command_, word);
    problems_.push_back({"", fmt::format("there is no flag {}{}", Quoted(word.substr(0, word.find('='))),
                                         nearest.empty() ? "" : "; did you mean " + nearest + "?")});
    return FlagSpelt(flags_, nearest);
  }

  const Command& command_;  // these three are the caller's
  const std::vector<Flag>& flags_;
  std::vector<Problem>& problems_;
};

Arguments ParseFlags(const Command& command, const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.prefix_command(false);
  Arguments arguments;
  arguments.command_name = command.name;
  const std::vector<Flag> flags = WithCommonFlags(command);
  std::map<std::string, bool> switches;
  for (const Flag& flag : flags) {
    const std::string names = (flag.letter != 0 ? fmt::format("-{},", flag.letter) : "") + "--" + flag.name;
    if (flag.value.empty()) {
      app.add_flag(names, switches[flag.name]);
    } else {
      // One value each, so that `--env A=1 script.py` does not swallow the script.
      app.add_option_function<std::vector<std::string>>(
             names, [&arguments, name = flag.name](const std::vector<std::string>& values) { arguments.flags[name] = values; })
          ->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
    }
  }
  // What stands behind -- is the analysis' own and is never looked at.
  const auto dashes = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> ours = FaultyFlags(command, flags, arguments.problems).TakeOut({words.begin(), dashes});
  if (dashes != words.end()) arguments.command.assign(dashes + 1, words.end());
  std::reverse(ours.begin(), ours.end());  // CLI11 takes the words in reverse
  try {
    app.parse(ours);
  } catch (const CLI::ParseError& error) {
    arguments.problems.push_back({"", error.what()});
  }
  for (const auto& [name, given] : switches) {
    if (given) arguments.flags[name] = {};
  }
  for (const std::string& word : app.remaining()) {
    if (word.size() > 1 && word[0] == '-') {
      arguments.problems.push_back({"", fmt::format("there is no flag {}", Quoted(word))});
    } else {
      arguments.positional.push_back(word);
    }
  }
  for (const Flag& flag : flags) {
    if (!flag.repeated && arguments.Values(flag.name).size() > 1) {
      arguments.problems.push_back({"", fmt::format("was given {} times", arguments.Values(flag.name).size()), LongName(flag)});
    }
  }
  return arguments;
}

}  // namespace

Result<Parsed> ParseCommandLine(const std::vector<std::string>& words) {
  Parsed parsed;
  if (words.empty() || words[0] == "help" || words[0] == "--help" || words[0] == "-h") {
    const Command* about = words.size() > 1 ? FindCommand(words[1]) : nullptr;
    parsed.text = about != nullptr ? HelpText(*about) : HelpText();
    return parsed;
  }
  if (words[0] == "--version" || words[0] == "version") {
    parsed.text = "fumehood " FH_VERSION "\n";
    return parsed;
  }
  parsed.command = FindCommand(words[0]);
  if (parsed.command == nullptr) {
    std::vector<std::string> names;
    for (const Command& command : AllCommands()) names.push_back(command.name);
    const std::string nearest = NearestName(words[0], names);
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("there is no command {}{}", Quoted(words[0]),
                             nearest.empty() ? "; see `fumehood help`" : "; did you mean `fumehood " + nearest + "`?"));
  }
  parsed.arguments = ParseFlags(*parsed.command, {words.begin() + 1, words.end()});
  if (parsed.arguments.Has("help")) {
    parsed.text = HelpText(*parsed.command);
    parsed.command = nullptr;
  } else if (!parsed.arguments.problems.empty() && !parsed.command->tells_problems) {
    return CommandLineError(parsed.command->name, std::move(parsed.arguments.problems));
  }
  return parsed;
}

Error CommandLineError(const std::string& command, std::vector<Problem> problems) {
  const std::string help = fmt::format("; see `fumehood {} --help`", command);
  const bool plain = problems.size() == 1 && problems[0].field.empty() && problems[0].source.empty();
  if (plain) return Error(ErrorCode::kInvalidArgument, problems[0].message + help);
  const std::string count = problems.size() == 1 ? "a problem" : fmt::format("{} problems", problems.size());
  return Error("the command line has " + count + help, std::move(problems));
}

std::string HelpText() {
  std::string text =
      "Fumehood runs scientific analyses under a hood: each sealed in its own box, inside a budget, with a complete record.\n\n"
      "  fumehood run [flags] -- COMMAND...     run it here and now\n"
      "  fumehood run SPEC.yaml                 the same from a file\n\n"
      "Commands:\n";
  for (const Command& command : AllCommands()) {
    if (!command.hidden) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  }
  return text + "\n`fumehood COMMAND --help` tells more of each. RUN is a run id, the beginning of one, or `last`.\n";
}

std::string HelpText(const Command& command) {
  std::string text = fmt::format("Usage: fumehood {}{}{}\n\n{}.\n", command.name, command.flags.empty() ? "" : " [flags]",
                                 command.positional.empty() ? "" : " " + command.positional, command.summary);
  if (!command.description.empty()) text += "\n" + command.description + "\n";
  text += "\nFlags:\n";
  for (const Flag& flag : WithCommonFlags(command)) {
    const std::string spelling = Spelling(flag);
    // A long spelling gets a line of its own.
    text += spelling.size() > 26 ? fmt::format("  {}\n  {:26} {}\n", spelling, "", flag.help)
                                 : fmt::format("  {:<26} {}\n", spelling, flag.help);
  }
  return text;
}

}  // namespace fumehood
