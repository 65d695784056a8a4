// Touches MIB of anonymous memory and holds it.
#include <string.h>
#include <sys/mman.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("memory_anon");
  size_t size = (size_t)bounded_argument(argc, argv, 1, 1024) << 20;
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) attack_stopped_by_errno("mmap");
  memset(memory, 0x5a, size);
  attack_succeeded("%zu MiB in use", size >> 20);
}
