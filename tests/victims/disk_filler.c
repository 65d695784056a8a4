// Writes MIB to a file in DIRECTORY.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("disk_filler");
  if (chdir(text_argument(argc, argv, 1)) != 0) attack_stopped_by_errno("chdir");
  long mebibytes = bounded_argument(argc, argv, 2, 1024);
  // RLIMIT_FSIZE announces itself by a signal; as an error it can be reported.
  (void)signal(SIGXFSZ, SIG_IGN);
  int fd = open("disk-filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) attack_stopped_by_errno("open");
  static char block[1 << 20];
  memset(block, 0x5a, sizeof block);
  for (long done = 0; done < mebibytes; ++done) {
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) attack_stopped_by_errno("write");
    if (fdatasync(fd) != 0) attack_stopped_by_errno("fdatasync");
  }
  attack_succeeded("%ld MiB written", mebibytes);
}
