// Sets up an io_uring, whose operations no system call filter sees.
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("io_uring");
  struct io_uring_params parameters = {0};
  if (syscall(SYS_io_uring_setup, 4, &parameters) < 0) attack_stopped_by_errno("io_uring_setup");
  attack_succeeded("has a ring");
}
