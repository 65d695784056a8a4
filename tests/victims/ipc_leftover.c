// Leaves a System V shared memory segment with KEY and, in /dev/shm, a file called fumehood-KEY.
#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("ipc_leftover");
  key_t key = (key_t)bounded_argument(argc, argv, 1, 0x7fffffff);
  char path[64];
  (void)snprintf(path, sizeof path, "/dev/shm/fumehood-%d", key);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  int segment = shmget(key, 4096, IPC_CREAT | 0600);
  if (fd < 0 && segment < 0) attack_stopped_by_errno("shmget");
  attack_stopped("left shared memory behind; only the host can tell");
}
