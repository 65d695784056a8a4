// Takes the room for COUNT files of MIB each here without writing any of it, which a disk can grant in no time.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("take_room");
  long count = bounded_argument(argc, argv, 1, 100);
  long mebibytes = bounded_argument(argc, argv, 2, 100);
  for (long made = 0; made < count; ++made) {
    char name[32];
    (void)snprintf(name, sizeof name, "room-%ld", made);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) attack_stopped_by_errno("open");
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, mebibytes << 20) != 0) attack_stopped("%s after %ld files", strerrorname_np(errno), made);
    (void)close(fd);
  }
  attack_succeeded("has room for %ld files of %ld MiB", count, mebibytes);
}
