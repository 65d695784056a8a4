// Writes MIB to a file here and counts how much of it the page cache holds: LIMIT_MIB or more is success.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "victim.h"

static size_t resident_bytes(int fd, size_t size) {
  size_t pages = size >> 12;
  unsigned char* map = malloc(pages);
  void* view = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == NULL || view == MAP_FAILED || mincore(view, size, map) != 0) attack_stopped_by_errno("mincore");
  size_t resident = 0;
  for (size_t page = 0; page < pages; ++page) resident += (map[page] & 1U) << 12;
  return resident;
}

int main(int argc, char** argv) {
  begin("memory_page_cache");
  long mebibytes = bounded_argument(argc, argv, 1, 1024);
  long limit = bounded_argument(argc, argv, 2, 1024);
  int fd = open("page-cache-bomb", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) attack_stopped_by_errno("open");
  static char block[1 << 20];
  memset(block, 0x5a, sizeof block);
  for (long done = 0; done < mebibytes; ++done) {
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) attack_stopped_by_errno("write");
  }
  size_t resident = resident_bytes(fd, (size_t)mebibytes << 20) >> 20;
  (void)unlink("page-cache-bomb");
  if ((long)resident >= limit) attack_succeeded("%zu MiB stay in the page cache", resident);
  attack_stopped("%zu MiB stay in the page cache", resident);
}
