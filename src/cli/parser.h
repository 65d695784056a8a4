// The command line, by the tables of the commands. The only place that knows CLI11.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.h"

namespace fumehood {

struct Parsed {
  const Command* command = nullptr;  // nullptr: `text` answers it all
  Arguments arguments;
  std::string text;                  // of --help and --version
};
// Errors: kInvalidArgument, with the nearest command or flag for a misspelt one; of a command that tells_problems its arguments
// hold them instead.
Result<Parsed> ParseCommandLine(const std::vector<std::string>& words);

// "the command line has 2 problems; see `fumehood run --help`".
Error CommandLineError(const std::string& command, std::vector<Problem> problems);

std::string HelpText();                        // all commands
std::string HelpText(const Command& command);

}  // namespace fumehood
