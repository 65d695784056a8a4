// Any pattern (up to the first newline) against any path: no crash, no endless loop, and a literal pattern matches itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/record/glob.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\n'), text.size());
  const fumehood::Glob glob(text.substr(0, end));
  (void)glob.Matches(text.substr(std::min(end + 1, text.size())));  // only that it returns
  if (glob.is_literal() && !glob.literal().empty() && !glob.Matches(glob.literal())) std::abort();
  return 0;
}
