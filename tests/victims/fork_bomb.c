// Forks COUNT children that stay. With SECONDS it goes on trying for so long after the first refusal.
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("fork_bomb");
  long count = bounded_argument(argc, argv, 1, 2000);
  long patience = argc > 2 ? bounded_argument(argc, argv, 2, 60) : 0;
  time_t deadline = time(NULL) + patience;
  long alive = 0;
  while (alive < count) {
    pid_t child = fork();
    if (child == 0) {
      (void)alarm(60);
      (void)pause();
      _exit(0);
    }
    if (child > 0) ++alive;
    if (child < 0 && time(NULL) >= deadline) attack_stopped("fork %ld: %s", alive + 1, errno == EAGAIN ? "EAGAIN" : "error");
  }
  attack_succeeded("%ld processes are alive", alive);
}
