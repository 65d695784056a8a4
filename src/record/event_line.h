// The fixed ends of a line of events.jsonl, found without a JSON parser: what the writer needs to go on with a chain, and the
// reader to follow it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fumehood {

inline constexpr const char* kTornEvent = "torn";

struct EventEnds {
  int64_t seq = 0;
  std::string_view prev;  // of the given line
};
// Empty: `line` (without its newline) does not begin with seq or does not end with prev, so it is no whole event.
std::optional<EventEnds> FindEventEnds(std::string_view line);

// The `closed` event ends with a digest of itself, since no later line vouches for it: a member `check` before `prev`, the
// SHA-256 of the line without it.
std::string CheckMember(std::string_view line_without_it);
// Empty: `line` has no such member.
std::optional<bool> HoldsCheck(std::string_view line);

std::string PrintEvent(int64_t seq, std::string_view time, std::string_view type, std::string_view members, std::string_view prev);

}  // namespace fumehood
