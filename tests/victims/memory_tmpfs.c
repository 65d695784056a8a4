// Fills MIB of a file in DIRECTORY, which lies in memory.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("memory_tmpfs");
  if (chdir(text_argument(argc, argv, 1)) != 0) attack_stopped_by_errno("chdir");
  long mebibytes = bounded_argument(argc, argv, 2, 1024);
  int fd = open("fumehood-victim-tmpfs", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) attack_stopped_by_errno("open");
  // The name goes at once, so that the memory is free again when this process is gone.
  (void)unlink("fumehood-victim-tmpfs");
  static char block[1 << 20];
  memset(block, 0x5a, sizeof block);
  for (long done = 0; done < mebibytes; ++done) {
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) attack_stopped_by_errno("write");
  }
  attack_succeeded("%ld MiB of tmpfs in use", mebibytes);
}
