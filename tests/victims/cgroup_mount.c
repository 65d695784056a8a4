// Mounts a cgroup file system of its own over DIRECTORY: v2, and the v1 hierarchy of the memory controller.
#include <sys/mount.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("cgroup_mount");
  const char* directory = text_argument(argc, argv, 1);
  if (mount("none", directory, "cgroup2", 0, NULL) == 0) attack_succeeded("mounted cgroup v2");
  if (mount("none", directory, "cgroup", 0, "memory") == 0) attack_succeeded("mounted a cgroup v1 hierarchy");
  attack_stopped_by_errno("mount");
}
