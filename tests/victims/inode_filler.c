// Makes COUNT empty files in DIRECTORY, slowly enough that a limit which is sampled sees it: 100 files every 10 ms.
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("inode_filler");
  if (chdir(text_argument(argc, argv, 1)) != 0) attack_stopped_by_errno("chdir");
  long count = bounded_argument(argc, argv, 2, 100000);
  for (long made = 0; made < count; ++made) {
    char name[32];
    (void)snprintf(name, sizeof name, "inode-%06ld", made);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) attack_stopped_by_errno("open");
    (void)close(fd);
    const struct timespec pause = {.tv_nsec = 10000000};
    if (made % 100 == 99) (void)nanosleep(&pause, NULL);
  }
  attack_succeeded("%ld files made", count);
}
