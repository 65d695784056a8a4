// Completion scripts, from the tables of the commands.
#pragma once

#include <string>

namespace fumehood {

// `shell`: "bash", "zsh" or "fish"; empty for any other.
std::string CompletionScript(const std::string& shell);

}  // namespace fumehood
