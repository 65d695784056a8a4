// Prints MIB of lines on stdout.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("log_flood");
  long mebibytes = bounded_argument(argc, argv, 1, 512);
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  for (size_t at = 127; at < sizeof block; at += 128) block[at] = '\n';
  for (long done = 0; done < mebibytes; ++done) {
    for (size_t at = 0; at < sizeof block;) {
      ssize_t wrote = write(STDOUT_FILENO, block + at, sizeof block - at);
      if (wrote <= 0) attack_stopped_by_errno("write");
      at += (size_t)wrote;
    }
  }
  // Whether the log took it all can be seen from outside only.
  attack_stopped("%ld MiB printed; the log tells", mebibytes);
}
