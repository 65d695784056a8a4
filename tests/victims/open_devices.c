// Opens, read-only and reading nothing, a device of the host: each argument is a path.
#include <fcntl.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("open_devices");
  (void)text_argument(argc, argv, 1);
  for (int index = 1; index < argc; ++index) {
    if (open(argv[index], O_RDONLY | O_NONBLOCK | O_CLOEXEC) >= 0) attack_succeeded("opened %s", argv[index]);
  }
  attack_stopped_by_errno("open");
}
