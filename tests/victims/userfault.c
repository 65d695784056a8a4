// userfaultfd(2), which holds the kernel in the middle of a copy: the helper of many an exploit.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("userfault");
  if (syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */) < 0) attack_stopped_by_errno("userfaultfd");
  attack_succeeded("handles its own page faults");
}
