#include "src/sys/machine.h"

#include <sys/utsname.h>

namespace fumehood {

std::string MachineName() {
  struct utsname names {};
  return uname(&names) == 0 ? names.machine : "";  // it fails for a bad pointer only
}

}  // namespace fumehood
