// Import: text in one of the three formats to a Node, whatever the text holds: bounded in memory, depth and time.
#pragma once

#include <optional>
#include <string_view>

#include "src/spec/document.h"
#include "src/spec/problem_list.h"

namespace fumehood {

// Empty when the text cannot be read at all. Problems that leave the rest readable (a key given twice, a NUL inside a
// string) are added and the Node is returned all the same, so that its other problems are found as well.
std::optional<Node> ImportDocument(std::string_view text, Format format, ProblemList& problems);

// The three readers behind it. The text is valid UTF-8 without NUL, of bounded size, without a byte order mark.
std::optional<Node> ImportJson(std::string_view text, ProblemList& problems);
std::optional<Node> ImportYaml(std::string_view text, ProblemList& problems);
std::optional<Node> ImportToml(std::string_view text, ProblemList& problems);

}  // namespace fumehood
