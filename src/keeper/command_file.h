// What lies where a command was looked for that could not be executed: the kernel's answer is the same for several mistakes.
#pragma once

#include <string>

namespace fumehood {

struct CommandFile {
  bool is_file = false;
  bool is_directory = false;
  std::string interpreter;  // that its first line (#!) names; empty: it has none
};

// As the submitter's file system has it, which a run's first step cannot have changed. Nothing is found for a bare name.
CommandFile LookAtCommand(const std::string& workdir, const std::string& command);

}  // namespace fumehood
