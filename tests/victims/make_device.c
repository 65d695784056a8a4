// Makes a node of /dev/kmsg (character 1, 11) in the current directory and opens it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("make_device");
  if (mknod("node", S_IFCHR | 0666, makedev(1, 11)) != 0) attack_stopped_by_errno("mknod");
  int fd = open("node", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  (void)unlink("node");
  if (fd < 0) attack_stopped_by_errno("open");
  attack_succeeded("made and opened a device node");
}
