// Counts the descriptors above stderr that it was born with.
#include <fcntl.h>

#include "victim.h"

int main(void) {
  begin("leaked_descriptors");
  for (int fd = 3; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) attack_succeeded("descriptor %d is open", fd);
  }
  attack_stopped("none above 2");
}
