#include "src/record/link_target.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {

Result<std::string> ReadLink(int dir, const std::string& name) {
  std::string target(PATH_MAX, '\0');  // no target is longer
  const ssize_t size = readlinkat(dir, name.c_str(), target.data(), target.size());
  const int error = errno;
  if (size < 0) return ErrnoError(error, "read link " + Quoted(name));
  target.resize(static_cast<size_t>(size));
  return target;
}

bool StaysInTree(std::string_view path, std::string_view target) {
  if (target.empty() || target.front() == '/') return false;
  auto depth = std::count(path.begin(), path.end(), '/');
  bool leading = true;
  for (const std::string& part : Split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      leading = false;
    } else if (!leading || --depth < 0) {
      return false;
    }
  }
  return true;
}

}  // namespace fumehood
