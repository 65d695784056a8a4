// Symbolic links that a run left: what they point at, and whether that is within the tree.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/result.h"

namespace fumehood {

// `name` empty: `dir` is an O_PATH descriptor of the link itself.
Result<std::string> ReadLink(int dir, const std::string& name);

// By the text alone: `target`, in a link at `path`, cannot lead out of the tree as long as no link in the tree does. Only
// leading `..` are allowed: behind another component, which may be a link, they could lead anywhere.
bool StaysInTree(std::string_view path, std::string_view target);

}  // namespace fumehood
