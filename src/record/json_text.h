// Texts that may not be UTF-8 (paths are bytes), exactly, in JSON: KEY for people, and KEY_hex where KEY alone loses something.
#pragma once

#include <string_view>

#include "src/base/json_writer.h"

namespace fumehood {

void WriteText(JsonWriter& json, std::string_view key, std::string_view text);

}  // namespace fumehood
