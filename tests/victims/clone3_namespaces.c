// clone3(2) with a new user namespace: its flags lie in memory, where a system call filter cannot look.
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("clone3_namespaces");
  struct clone_args arguments = {.flags = 0x10000000 /* CLONE_NEWUSER */, .exit_signal = SIGCHLD};
  long child = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0) _exit(0);
  if (child < 0) attack_stopped_by_errno("clone3");
  (void)waitpid((pid_t)child, NULL, 0);
  attack_succeeded("made a process in a new user namespace");
}
