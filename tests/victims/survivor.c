// Leaves a child behind in a way that a simple kill misses, then ends: HOW is setsid, double_fork, nohup, stopped or ptraced.
// The child would live for a minute; whether it did can be seen from outside only.
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

static noreturn void linger(void) {
  (void)alarm(60);
  for (;;) (void)pause();
}

static noreturn void become(const char* how) {
  // Its streams are closed, so that nobody waits for the end of their pipes.
  for (int fd = 0; fd < 3; ++fd) (void)close(fd);
  if (strcmp(how, "setsid") == 0 && setsid() < 0) _exit(1);
  if (strcmp(how, "nohup") == 0 && signal(SIGHUP, SIG_IGN) == SIG_ERR) _exit(1);
  if (strcmp(how, "stopped") == 0) (void)raise(SIGSTOP);
  if (strcmp(how, "double_fork") == 0 && (setsid() < 0 || fork() > 0)) _exit(0);
  if (strcmp(how, "ptraced") == 0) {
    pid_t traced = fork();
    if (traced == 0 && ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) (void)raise(SIGSTOP);
    if (traced > 0) (void)waitpid(traced, NULL, WUNTRACED);
  }
  linger();
}

int main(int argc, char** argv) {
  begin("survivor");
  const char* how = text_argument(argc, argv, 1);
  pid_t child = fork();
  if (child < 0) attack_stopped_by_errno("fork");
  if (child == 0) become(how);
  attack_stopped("left a child behind (%s); only the host can tell", how);
}
