// process_vm_readv of the stack of the process whose command line holds WORD.
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "victim.h"

static unsigned long stack_start(pid_t pid) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "re");
  if (maps == NULL) attack_stopped_by_errno("open maps");
  char line[512];
  unsigned long start = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long first = 0;
    if (strstr(line, "[stack]") != NULL && sscanf(line, "%lx-", &first) == 1) start = first;
  }
  (void)fclose(maps);
  return start;
}

int main(int argc, char** argv) {
  begin("read_process_memory");
  pid_t target = find_process(text_argument(argc, argv, 1));
  if (target < 0) attack_stopped("the process is not to be seen");
  unsigned long address = stack_start(target);
  if (address == 0) attack_stopped("its memory map is empty");
  char bytes[64];
  struct iovec local = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct iovec remote = {.iov_base = (void*)address, .iov_len = sizeof bytes};
  if (process_vm_readv(target, &local, 1, &remote, 1, 0) < 0) attack_stopped_by_errno("process_vm_readv");
  attack_succeeded("read the stack of process %d", target);
}
