// Opens one of PATH... for writing, and writes nothing: for files whose mere opening shows that the wall is down.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("open_for_writing");
  (void)text_argument(argc, argv, 1);
  for (int index = 1; index < argc; ++index) {
    int fd = open(argv[index], O_WRONLY | O_CLOEXEC);
    struct stat file;
    if (fd >= 0 && fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 3)) attack_stopped("it is /dev/null");
    if (fd >= 0) attack_succeeded("opened %s for writing", argv[index]);
    // Only that the program runs just now kept it from being opened.
    if (errno == ETXTBSY) attack_succeeded("may write to %s", argv[index]);
  }
  attack_stopped_by_errno("open");
}
