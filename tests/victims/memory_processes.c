// COUNT processes of MIB each, every one below the limit, all of them together above it.
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "victim.h"

static void hold(size_t size, int ready) {
  (void)alarm(60);
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) _exit(1);
  memset(memory, 0x5a, size);
  if (write(ready, "r", 1) == 1) (void)pause();
  _exit(1);
}

int main(int argc, char** argv) {
  begin("memory_processes");
  long count = bounded_argument(argc, argv, 1, 64);
  size_t size = (size_t)bounded_argument(argc, argv, 2, 64) << 20;
  int ready[2];
  if (pipe(ready) != 0) attack_stopped_by_errno("pipe");
  for (long made = 0; made < count; ++made) {
    pid_t child = fork();
    if (child < 0) attack_stopped_by_errno("fork");
    if (child == 0) hold(size, ready[1]);
  }
  (void)close(ready[1]);
  for (long seen = 0; seen < count; ++seen) {
    char byte;
    if (read(ready[0], &byte, 1) != 1) attack_stopped("only %ld of %ld processes got their memory", seen, count);
  }
  attack_succeeded("%ld processes hold %zu MiB each", count, size >> 20);
}
