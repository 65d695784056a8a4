// Arguments as exec(3) takes them.
#pragma once

#include <string>
#include <vector>

namespace fumehood {

// Ends with a null pointer; points into `strings`, which must outlive it.
inline std::vector<char*> CStrings(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace fumehood
