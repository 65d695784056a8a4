// Opens one of the files by which /proc gives a process away, of process 1: WHAT is mem, fd, root, cwd, environ or getfd (its
// descriptors, by pidfd_getfd). To see the numbers of its descriptors is nothing: root of a user namespace around Fumehood may.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

static void open_file(const char* what, int flags) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/1/%.20s", what);
  if (open(path, flags | O_CLOEXEC) < 0) attack_stopped_by_errno(what);
  attack_succeeded("opened %s", path);
}

static void open_descriptors(void) {
  DIR* list = opendir("/proc/1/fd");
  if (list == NULL) attack_stopped_by_errno("opendir");
  for (struct dirent* entry = readdir(list); entry != NULL; entry = readdir(list)) {
    char target[256];
    if (readlinkat(dirfd(list), entry->d_name, target, sizeof target) > 0) attack_succeeded("sees what descriptor %s is", entry->d_name);
  }
  attack_stopped("sees of none what it is");
}

static void take_descriptors(void) {
  int init = (int)syscall(SYS_pidfd_open, 1, 0);
  if (init < 0) attack_stopped_by_errno("pidfd_open");
  for (int fd = 0; fd < 1024; ++fd) {
    if (syscall(SYS_pidfd_getfd, init, fd, 0) >= 0) attack_succeeded("took descriptor %d", fd);
  }
  attack_stopped_by_errno("pidfd_getfd");
}

int main(int argc, char** argv) {
  begin("proc_of_init");
  const char* what = text_argument(argc, argv, 1);
  if (strcmp(what, "mem") == 0) open_file(what, O_RDWR);
  if (strcmp(what, "root") == 0 || strcmp(what, "cwd") == 0) open_file(what, O_RDONLY | O_DIRECTORY);
  if (strcmp(what, "environ") == 0) open_file(what, O_RDONLY);
  if (strcmp(what, "fd") == 0) open_descriptors();
  if (strcmp(what, "getfd") == 0) take_descriptors();
  refuse("WHAT is mem, fd, root, cwd, environ or getfd");
}
