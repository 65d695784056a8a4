// kill(-1, SIGKILL): everybody this process may signal. FORBIDDEN is the inode of the PID namespace in which it must not
// happen, the test's own; without proof of being elsewhere the victim refuses.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "victim.h"

// The inode of the namespace that the machine booted with: PROC_PID_INIT_INO of the kernel.
static const unsigned long kInitialPidNamespace = 0xEFFFFFFCUL;

int main(int argc, char** argv) {
  begin("kill_everyone");
  char* end = NULL;
  unsigned long forbidden = strtoul(text_argument(argc, argv, 1), &end, 10);
  struct stat own;
  if (*end != '\0' || forbidden == 0) refuse("FORBIDDEN is not a namespace");
  if (stat("/proc/self/ns/pid", &own) != 0) refuse("cannot tell which PID namespace this is");
  if (own.st_ino == forbidden || own.st_ino == kInitialPidNamespace) refuse("this is the host's PID namespace");
  int status = kill(-1, SIGKILL);
  attack_stopped("kill: %s; only the host can tell", status == 0 ? "sent" : strerrorname_np(errno));
}
