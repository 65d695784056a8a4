#include "src/spec/toml_guard.h"

#include <algorithm>

#include "src/spec/document.h"

namespace fumehood {
namespace {

// Length of the string that `text` begins with, its quotes included; up to the end of the text when it is not closed.
size_t StringLength(std::string_view text) {
  const char quote = text[0];
  const bool multiline = text.size() >= 3 && text[1] == quote && text[2] == quote;
  for (size_t at = multiline ? 3 : 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (!multiline && text[at] == '\n') {
      return at;  // not closed on its line: the parser stops here
    } else if (multiline && text.substr(at, 3) == std::string_view(text.data(), 3)) {
      // Up to two more quotes belong to the text: the last three close it.
      at += 3;
      for (int extra = 0; extra < 2 && at < text.size() && text[at] == quote; ++extra) ++at;
      return at;
    } else if (!multiline && text[at] == quote) {
      return at + 1;
    }
  }
  return text.size();
}

// Within a bare word or number a quote is no string to the parser: it looks through what follows for the end of the word, beyond
// quotes, dots and further signs of equality. `equals`: where a key of this line ended; npos: not yet.
bool MayBeginString(std::string_view text, size_t at, size_t equals) {
  constexpr std::string_view kBetweenWords = " \t\r\n[,{";
  if (at == 0 || kBetweenWords.find(text[at - 1]) != std::string_view::npos) return true;
  if (text[at - 1] == '=') return equals == at - 1;
  return text[at - 1] == '.' && equals == std::string_view::npos;
}

}  // namespace

std::optional<TomlHazard> FindTomlHazard(std::string_view text) {
  int line = 1;
  size_t dots = 0;
  size_t equals = std::string_view::npos;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((c == '"' || c == '\'') && MayBeginString(text, at, equals)) {
      const std::string_view string = text.substr(at, StringLength(text.substr(at)));
      line += static_cast<int>(std::count(string.begin(), string.end(), '\n'));
      at += string.size();
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '.') ++dots;
    if (c == '\n' || c == '{' || c == ',') equals = std::string_view::npos;
    if (c == '=' && equals == std::string_view::npos) equals = at;
    if (c == '\n' || c == '=' || c == ',' || c == '{' || c == '}' || c == '[' || c == ']') dots = 0;
    if (c == '\n') ++line;
    if (dots >= kMaxDocumentDepth) return TomlHazard{TomlHazard::Kind::kDeepKey, line};
    if (static_cast<uint8_t>(c) >= 0x80) return TomlHazard{TomlHazard::Kind::kBareLetter, line};
    ++at;
  }
  return std::nullopt;
}

}  // namespace fumehood
