// The readers of records over any text: no crash, and what is accepted prints to a text that reads back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/record/read_result.h"

namespace {

template <typename T>
void CheckRoundTrip(const fumehood::Result<T>& parsed, fumehood::Result<T> (*parse)(std::string_view), std::string (*print)(const T&)) {
  if (!parsed) return;
  const std::string text = print(*parsed);
  const auto again = parse(text);
  if (!again || print(*again) != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckRoundTrip(fumehood::ParseResult(text), fumehood::ParseResult, fumehood::PrintResult);
  CheckRoundTrip(fumehood::ParseExit(text), fumehood::ParseExit, fumehood::PrintExit);
  CheckRoundTrip(fumehood::ParseKeeperHandle(text), fumehood::ParseKeeperHandle, fumehood::PrintKeeperHandle);
  (void)fumehood::ParseOutputs(text);  // has no printer of its own
  return 0;
}
