#include "src/record/event_line.h"

#include <charconv>

#include "src/base/json_writer.h"
#include "src/record/sha256.h"

namespace fumehood {
namespace {
constexpr std::string_view kSeqStart = "{\"seq\":";
constexpr std::string_view kPrevStart = ",\"prev\":\"";
constexpr std::string_view kCheckStart = ",\"check\":\"";
constexpr std::string_view kLineEnd = "\"}";
constexpr size_t kDigestDigits = 64;
}  // namespace

std::optional<EventEnds> FindEventEnds(std::string_view line) {
  const size_t tail = kPrevStart.size() + kDigestDigits + kLineEnd.size();
  if (line.size() < kSeqStart.size() + tail || !line.starts_with(kSeqStart) || !line.ends_with(kLineEnd)) return std::nullopt;
  EventEnds ends;
  const char* digits = line.data() + kSeqStart.size();
  const auto [end, error] = std::from_chars(digits, line.data() + line.size(), ends.seq);
  if (error != std::errc() || *end != ',' || ends.seq < 0) return std::nullopt;
  const std::string_view last = line.substr(line.size() - tail);
  if (!last.starts_with(kPrevStart)) return std::nullopt;
  ends.prev = last.substr(kPrevStart.size(), kDigestDigits);
  if (ends.prev.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  return ends;
}

std::string CheckMember(std::string_view line_without_it) {
  JsonWriter member;
  member.Key("check").String(Sha256Hex(line_without_it));
  return member.Take();
}

std::optional<bool> HoldsCheck(std::string_view line) {
  const size_t after = kPrevStart.size() + kDigestDigits + kLineEnd.size();
  const size_t check = kCheckStart.size() + kDigestDigits + 1;  // and its closing quote
  if (line.size() < after + check) return std::nullopt;
  const size_t at = line.size() - after - check;
  if (!line.substr(at).starts_with(kCheckStart)) return std::nullopt;
  const std::string without = std::string(line.substr(0, at)) + std::string(line.substr(at + check));
  return line.substr(at + kCheckStart.size(), kDigestDigits) == Sha256Hex(without);
}

std::string PrintEvent(int64_t seq, std::string_view time, std::string_view type, std::string_view members, std::string_view prev) {
  JsonWriter event;
  event.BeginObject().Key("seq").Int(seq).Key("time").String(time).Key("type").String(type);
  if (!members.empty()) event.Raw(members);
  event.Key("prev").String(prev).EndObject();
  return event.Take();
}

}  // namespace fumehood
