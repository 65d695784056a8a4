// Whatever a run leaves as its note: what is quoted of it is short, one line, and nothing that a terminal would obey.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/base/text.h"
#include "src/keeper/failure_note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string quoted = fumehood::QuoteFailureNote({reinterpret_cast<const char*>(data), size});
  if (!fumehood::IsValidUtf8(quoted) || quoted.size() > 2000) std::abort();
  for (const char c : quoted) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  }
  return 0;
}
