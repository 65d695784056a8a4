// Writes MIB to a file in DIRECTORY that it has deleted first: no walk of the directory finds it.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("unlinked_filler");
  if (chdir(text_argument(argc, argv, 1)) != 0) attack_stopped_by_errno("chdir");
  long mebibytes = bounded_argument(argc, argv, 2, 1024);
  // RLIMIT_FSIZE bounds one file: several are filled.
  enum { kFiles = 8 };
  int fds[kFiles];
  for (int i = 0; i < kFiles; ++i) {
    fds[i] = open("unlinked-filler", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fds[i] < 0) attack_stopped_by_errno("open");
    if (unlink("unlinked-filler") != 0) attack_stopped_by_errno("unlink");
  }
  (void)signal(SIGXFSZ, SIG_IGN);
  static char block[1 << 20];
  memset(block, 0x5a, sizeof block);
  for (long done = 0; done < mebibytes; ++done) {
    int fd = fds[done % kFiles];
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) attack_stopped_by_errno("write");
    if (fdatasync(fd) != 0) attack_stopped_by_errno("fdatasync");
    (void)usleep(20000);  // slow enough for a limit that is held by looking
  }
  attack_succeeded("%ld MiB written", mebibytes);
}
