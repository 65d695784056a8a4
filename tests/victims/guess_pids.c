// Signal 0 to every process number up to 32767: one that answers and is neither process 1 nor this one is somebody else,
// and could have been killed.
#include <signal.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("guess_pids");
  for (pid_t pid = 2; pid < 1 << 15; ++pid) {
    if (pid != getpid() && kill(pid, 0) == 0) attack_succeeded("process %d can be signalled", pid);
  }
  attack_stopped("nobody else is there");
}
