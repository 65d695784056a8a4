// The manual of the command line, from the tables of the commands: docs/cli.md and the page for man(1).
#pragma once

#include <string>

namespace fumehood {

std::string ManualMarkdown();
std::string ManualPage();  // for man(1)

}  // namespace fumehood
