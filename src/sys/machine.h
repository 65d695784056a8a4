// What kind of machine this is.
#pragma once

#include <string>

namespace fumehood {

std::string MachineName();  // as the kernel calls its processors: "x86_64", "aarch64"

}  // namespace fumehood
