#include "src/sys/privilege.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "src/base/text.h"
#include "src/sys/file.h"

namespace fumehood {

bool IsPrivileged() {
  if (geteuid() != 0) return false;
  struct __user_cap_header_struct header {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  if ((sets[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) == 0) return false;
  // The initial namespace maps every id to itself.
  const auto map = ReadFile(kHere, "/proc/self/uid_map", 65536);
  return map && SplitWords(*map) == std::vector<std::string>{"0", "0", "4294967295"};
}

uid_t UidOutside() {
  const uid_t inside = geteuid();
  const auto map = ReadFile(kHere, "/proc/self/uid_map", 65536);
  if (!map) return inside;
  // Each line: first id inside, first id outside, how many (user_namespaces(7)).
  const std::vector<std::string> words = SplitWords(*map);
  for (size_t i = 0; i + 2 < words.size(); i += 3) {
    const unsigned long first = std::strtoul(words[i].c_str(), nullptr, 10);
    const unsigned long outside = std::strtoul(words[i + 1].c_str(), nullptr, 10);
    if (inside >= first && inside - first < std::strtoul(words[i + 2].c_str(), nullptr, 10)) return static_cast<uid_t>(outside + (inside - first));
  }
  return inside;
}

}  // namespace fumehood
