// The types of YAML 1.2's core schema: yes, no, on and off are text, 0o17 is a number, 017 is seventeen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/spec/document.h"

namespace fumehood {

// `tag` as yaml-cpp gives it: "?" for a plain scalar, "!" for a quoted one, or a tag in full. Empty when the text does not
// fit the tag or the tag is unknown.
std::optional<Node> TypeYamlScalar(std::string_view tag, const std::string& text);

// Would this plain scalar be read as anything but text?
bool IsTypedYamlScalar(const std::string& text);

}  // namespace fumehood
