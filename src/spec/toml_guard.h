// A guard in front of toml++, against two things that it does not withstand: a key a.a.a.... of a million parts becomes a
// million tables, each destroyed by the one above it, which overruns the stack; and some letters beyond ASCII outside of
// strings and comments, where TOML allows none, lead it to undefined behaviour.
#pragma once

#include <optional>
#include <string_view>

namespace fumehood {

struct TomlHazard {
  enum class Kind { kDeepKey, kBareLetter };
  Kind kind;
  int line;
};

// The first hazard, if there is one. Exact as far as the text is valid TOML, and the parser stops where it is not.
std::optional<TomlHazard> FindTomlHazard(std::string_view text);

}  // namespace fumehood
