#include "src/record/json_text.h"

#include <string>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {

void WriteText(JsonWriter& json, std::string_view key, std::string_view text) {
  json.Key(key).String(text);
  if (IsValidUtf8(text)) return;
  std::string hex;
  hex.reserve(2 * text.size());
  for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  json.Key(std::string(key) + "_hex").String(hex);
}

}  // namespace fumehood
