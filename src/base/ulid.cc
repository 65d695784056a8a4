#include "src/base/ulid.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace fumehood {
namespace {
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kLength = 26;
}  // namespace

std::string NewRunId() {
  std::array<uint8_t, 10> random{};
  // Ten bytes are given whole or not at all (getrandom(2): up to 256 bytes are never interrupted).
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) std::abort();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  auto millis = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());

  std::string id(kLength, '0');
  for (size_t i = 10; i-- > 0; millis >>= 5) id[i] = kAlphabet[millis & 31];
  uint32_t bits = 0;
  unsigned held = 0;
  size_t next = 10;
  for (const uint8_t byte : random) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; held -= 5) id[next++] = kAlphabet[(bits >> (held - 5)) & 31];
  }
  return id;
}

WallTime TimeOfRunId(std::string_view id) {
  int64_t milliseconds = 0;
  for (const char digit : id.substr(0, 10)) milliseconds = milliseconds * 32 + static_cast<int64_t>(kAlphabet.find(digit));
  return WallTime(std::chrono::milliseconds(milliseconds));
}

bool IsRunId(std::string_view text) {
  return text.size() == kLength && text[0] <= '7' && text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace fumehood
