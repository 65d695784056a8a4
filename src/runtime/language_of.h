// Which language a prefix or root carries.
#pragma once

#include <string>

namespace fumehood {

// By the programs that it has: "julia", "r", "python", in this order where it has several; empty: none of them.
std::string LanguageOf(const std::string& location);

}  // namespace fumehood
