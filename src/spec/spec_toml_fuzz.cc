// Whatever the bytes: no crash, no hang, and a spec that was read is printed and read again as the same.
#include "src/spec/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fumehood::FuzzSpec(data, size, fumehood::Format::kToml);
  return 0;
}
