// getpid(2) by its number of the x32 ABI, which a filter of x86-64 numbers misses.
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("x32_call");
#ifdef __x86_64__
  if (syscall(0x40000000L | SYS_getpid) < 0) attack_stopped_by_errno("getpid");
  attack_succeeded("the x32 ABI answers");
#else
  attack_stopped("this processor has no x32 ABI");
#endif
}
