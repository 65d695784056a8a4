// The newer mount calls, which a filter of mount(2) misses. HOW is new: a tmpfs attached over DIRECTORY; copy: the tree of
// DIRECTORY copied; writable: the mount of DIRECTORY made writable.
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

static void mount_new(const char* directory) {
  int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) attack_stopped_by_errno("fsopen");
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0) attack_stopped_by_errno("fsconfig");
  int tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  if (tree < 0) attack_stopped_by_errno("fsmount");
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, directory, MOVE_MOUNT_F_EMPTY_PATH) != 0) attack_stopped_by_errno("move_mount");
  attack_succeeded("mounted on %s", directory);
}

static void copy_tree(const char* directory) {
  if (syscall(SYS_open_tree, AT_FDCWD, directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC) < 0) attack_stopped_by_errno("open_tree");
  attack_succeeded("has a mount of its own of %s", directory);
}

static void make_writable(const char* directory) {
  struct mount_attr change = {.attr_clr = MOUNT_ATTR_RDONLY};
  if (syscall(SYS_mount_setattr, AT_FDCWD, directory, 0, &change, sizeof change) != 0) attack_stopped_by_errno("mount_setattr");
  attack_succeeded("%s may be written", directory);
}

int main(int argc, char** argv) {
  begin("mount_by_descriptor");
  const char* how = text_argument(argc, argv, 1);
  const char* directory = text_argument(argc, argv, 2);
  if (strcmp(how, "new") == 0) mount_new(directory);
  if (strcmp(how, "copy") == 0) copy_tree(directory);
  if (strcmp(how, "writable") == 0) make_writable(directory);
  refuse("HOW is new, copy or writable");
}
