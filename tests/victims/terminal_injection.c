// TIOCSTI on standard input and on the controlling terminal. WIDTH 64 sets a bit above the 32 that the kernel reads.
// On a pipe the kernel answers ENOTTY: then nothing but the missing terminal stood in the way.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

static void inject(int fd, unsigned long request, const char* where) {
  const char* word = "x";
  if (syscall(SYS_ioctl, fd, request, word) == 0) attack_succeeded("typed into %s", where);
}

int main(int argc, char** argv) {
  begin("terminal_injection");
  unsigned long request = TIOCSTI;
  if (strcmp(text_argument(argc, argv, 1), "64") == 0) request |= 1UL << 32;
  inject(STDIN_FILENO, request, "standard input");
  int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) inject(terminal, request, "the controlling terminal");
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) attack_stopped_by_errno("pipe2");
  if (syscall(SYS_ioctl, pipes[0], request, "x") == 0 || errno == ENOTTY) attack_succeeded("the kernel took the request");
  attack_stopped_by_errno("ioctl");
}
