// VerifyChain over any text: no crash, and a text without findings and tears is one that its own lines account for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/record/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const fumehood::ChainReport report = fumehood::VerifyChain(text);
  if (report.findings.empty() && !report.ends_torn && report.events == 0 && !text.empty()) std::abort();
  return 0;
}
