// Small text helpers that several folders need.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fumehood {

// The candidate nearest to `word` by edit distance, or the one whose first part (before a _ or -) is; empty when none is near
// enough to be a typo of it.
std::string NearestName(std::string_view word, const std::vector<std::string>& candidates);

// `text` in single quotes, fit for a terminal and for one line of a log: control characters and invalid UTF-8 become \xNN.
std::string Quoted(std::string_view text);

// Words of a list as the kernel prints it, split at any whitespace.
std::vector<std::string> SplitWords(std::string_view text);
std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

// 123456789 -> "117.7 MiB".
std::string HumanBytes(long long bytes);

bool IsValidUtf8(std::string_view text);

}  // namespace fumehood
