// Makes DIRECTORY a mount of its own and pivots the root there.
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("pivot_root");
  const char* directory = text_argument(argc, argv, 1);
  if (mount(directory, directory, NULL, MS_BIND, NULL) != 0) attack_stopped_by_errno("mount");
  if (chdir(directory) != 0) attack_stopped_by_errno("chdir");
  if (syscall(SYS_pivot_root, ".", ".") != 0) attack_stopped_by_errno("pivot_root");
  attack_succeeded("the root is %s", directory);
}
