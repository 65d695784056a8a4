#include "src/runtime/language_of.h"

#include <fmt/format.h>

#include "src/sys/file.h"

namespace fumehood {

std::string LanguageOf(const std::string& location) {
  // A link counts whatever it leads to: the check will tell.
  const auto has = [&](const char* program) {
    for (const char* folder : {"bin", "usr/bin", "usr/local/bin", "root/bin", "root/usr/bin", "root/usr/local/bin"}) {
      const auto found = FindStat(kHere, fmt::format("{}/{}/{}", location, folder, program), false);
      if (found && *found) return true;
    }
    return false;
  };
  if (has("julia")) return "julia";
  if (has("Rscript")) return "r";
  return has("python3") ? "python" : "";
}

}  // namespace fumehood
