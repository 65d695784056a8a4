// A nondeterministic automaton, all of whose states advance together over the path: no backtracking, so that no pattern of a
// spec makes the keeper spend exponential time over a name that a run chose.
#include "src/record/glob.h"

#include <algorithm>

namespace fumehood {
namespace {

// "./a//b/" and "a/b" name the same thing.
std::string Normalized(std::string_view pattern) {
  std::string out;
  while (!pattern.empty()) {
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace

Glob::Glob(std::string_view given) {
  const std::string pattern = Normalized(given);
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    const bool component_start = at == 0 || pattern[at - 1] == '/';
    if (c == '*') {
      size_t end = pattern.find_first_not_of('*', at);
      if (end == std::string::npos) end = pattern.size();
      const bool stars = end - at > 1;
      const bool whole = stars && component_start && end < pattern.size() && pattern[end] == '/';
      steps_.push_back({whole ? Kind::kStarsSlash : stars ? Kind::kStars : Kind::kStar});
      at = whole ? end + 1 : end;
      literal_ = false;
      continue;
    }
    if (c == '[') {
      const size_t end = ParseSet(pattern, at);
      if (end > at) {
        at = end;
        literal_ = false;
        continue;
      }
    }
    if (c == '?') literal_ = false;
    const bool escape = c == '\\' && at + 1 < pattern.size();
    steps_.push_back({c == '?' ? Kind::kAnyByte : Kind::kByte, escape ? pattern[at + 1] : c});
    literal_text_ += escape ? pattern[at + 1] : c;
    at += escape ? 2 : 1;
  }
}

// Adds the set that begins at `at` and returns where it ends; `at` when it has no end.
size_t Glob::ParseSet(std::string_view pattern, size_t at) {
  size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  std::bitset<256> set;
  for (bool first = true; i < pattern.size() && pattern[i] != '/'; first = false) {
    if (pattern[i] == ']' && !first) {
      if (negated) set.flip();
      set.reset('/');
      steps_.push_back({Kind::kSet, 0, sets_.size()});
      sets_.push_back(set);
      return i + 1;
    }
    const auto low = static_cast<unsigned char>(pattern[i]);
    auto high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']' && pattern[i + 2] != '/') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    for (unsigned byte = low; byte <= high; ++byte) set.set(byte);
    ++i;
  }
  return at;
}

bool Glob::Consumes(const Step& step, char byte) const {
  switch (step.kind) {
    case Kind::kByte: return byte == step.byte;
    case Kind::kAnyByte:
    case Kind::kStar: return byte != '/';
    case Kind::kSet: return sets_[step.set].test(static_cast<unsigned char>(byte));
    case Kind::kStars:
    case Kind::kStarsSlash: return true;
  }
  return false;
}

// A state, and those that it reaches without a byte: past a star that matches nothing. Past `**/` only where a component
// begins, so that **/b does not match ab.
void Glob::AddWithSkips(States& states, size_t state, bool at_component_start) const {
  for (; states[state] == 0; ++state) {
    states[state] = 1;
    if (state == steps_.size()) return;
    const Kind kind = steps_[state].kind;
    const bool skips = kind == Kind::kStar || kind == Kind::kStars || (kind == Kind::kStarsSlash && at_component_start);
    if (!skips) return;
  }
}

bool Glob::Matches(std::string_view path) const {
  States now(steps_.size() + 1, 0);
  States next(steps_.size() + 1, 0);
  AddWithSkips(now, 0, true);
  for (const char byte : path) {
    if (byte == '/' && now.back() != 0) return true;  // a directory above it matched
    std::fill(next.begin(), next.end(), 0);
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (now[i] == 0 || !Consumes(steps_[i], byte)) continue;
      const Kind kind = steps_[i].kind;
      const bool stays = kind == Kind::kStar || kind == Kind::kStars || kind == Kind::kStarsSlash;
      AddWithSkips(next, stays ? i : i + 1, byte == '/');
    }
    now.swap(next);
  }
  return !path.empty() && now.back() != 0;
}

}  // namespace fumehood
