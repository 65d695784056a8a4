// What a run may ask of the kernel: one table for every architecture, by name. It is data, so that it can be compiled into
// the local hood's filter, written out as a container engine's profile, and shown to people.
//
// A call that is in no group and no condition is unknown to us and answers "no such call" (ENOSYS), on which newer C libraries
// fall back to older calls. What we know and refuse answers "not permitted" (EPERM). A call made through another
// architecture's entry (32-bit code on a 64-bit machine) ends the process: its numbers mean something else. x32 shares the
// architecture of x86_64; its numbers are simply unknown.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace fumehood {

enum class Verdict : uint8_t {
  kAllow,
  kRefuse,  // EPERM
  kAbsent,  // ENOSYS: as on a kernel without the call, where programs know how to go on
  kUnfit,   // EOPNOTSUPP: as on a file system that cannot do it, where C libraries do it by other means
};

enum class SeccompArchitecture : uint8_t { kX86_64, kAArch64 };

struct CallGroup {
  std::string_view purpose;
  Verdict verdict;
  std::vector<std::string_view> calls;  // also those that only one architecture has
};

// Holds where (argument & mask) == value. Only the low 32 bits are looked at: everything tested here is an int or a flag word
// whose upper half the kernel ignores, so comparing 64 bits would let a caller slip by with rubbish above.
struct ArgumentTest {
  uint32_t index;
  uint32_t mask;
  uint32_t value;
};

// `on_match` where all tests of any alternative hold, else `otherwise`.
struct ConditionalCall {
  std::string_view call;
  std::string_view purpose;
  std::vector<std::vector<ArgumentTest>> alternatives;
  Verdict on_match;
  Verdict otherwise;
};

// Newer than the table of the oldest libseccomp that we build with. Since 424 all architectures share their numbers;
// an older number of one architecture must be free on the other.
struct NumberedCall {
  std::string_view call;
  uint32_t number;
};

struct SeccompPolicy {
  std::vector<CallGroup> groups;
  std::vector<ConditionalCall> conditions;
  std::vector<NumberedCall> numbers;
};

SeccompPolicy RunSeccompPolicy();

// Each system call up to this number has a verdict of its own in the table; beyond it nobody has looked yet.
inline constexpr uint32_t kLastReviewedCall = 469;

}  // namespace fumehood
