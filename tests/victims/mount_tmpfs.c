// Mounts a tmpfs over DIRECTORY.
#include <sys/mount.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("mount_tmpfs");
  const char* directory = text_argument(argc, argv, 1);
  if (mount("fumehood-victim", directory, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") != 0) attack_stopped_by_errno("mount");
  attack_succeeded("mounted on %s", directory);
}
