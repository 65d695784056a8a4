// Glob: matches paths beneath the work directory, in time proportional to the path, whatever the pattern.
//
//   *      any bytes but '/'        **     any bytes, '/' too; as a whole component (a/**/b) also no component at all
//   ?      one byte but '/'         [a-z] [!a-z]   one byte of (not of) a set, never '/'
//   \x     x itself
// A leading dot is a byte like any other. A pattern also matches everything beneath a directory that it matches.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fumehood {

class Glob {
 public:
  // Every text is a pattern: a '[' that is never closed, and a last '\', stand for themselves.
  explicit Glob(std::string_view pattern);

  bool Matches(std::string_view path) const;
  // The path itself, where the pattern has no wildcard.
  bool is_literal() const { return literal_; }
  const std::string& literal() const { return literal_text_; }

 private:
  enum class Kind : uint8_t { kByte, kAnyByte, kSet, kStar, kStars, kStarsSlash };
  struct Step {
    Kind kind = Kind::kByte;
    char byte = 0;
    size_t set = 0;  // index into sets_
  };
  using States = std::vector<char>;  // states[i]: the first i steps have matched so far

  size_t ParseSet(std::string_view pattern, size_t at);
  void AddWithSkips(States& states, size_t state, bool at_component_start) const;
  bool Consumes(const Step& step, char byte) const;

  std::vector<Step> steps_;
  std::vector<std::bitset<256>> sets_;
  bool literal_ = true;
  std::string literal_text_;
};

}  // namespace fumehood
