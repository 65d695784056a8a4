// THREADS processes spin for SECONDS of wall time; success is more CPU time than CORES_PERCENT of a core for that long.
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

static double now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

int main(int argc, char** argv) {
  begin("cpu_burner");
  long spinners = bounded_argument(argc, argv, 1, 8);
  double wall = (double)bounded_argument(argc, argv, 2, 30);
  double allowed = (double)bounded_argument(argc, argv, 3, 800) / 100.0 * wall;
  double start = now();
  for (long made = 0; made < spinners; ++made) {
    pid_t child = fork();
    if (child < 0) attack_stopped_by_errno("fork");
    if (child == 0) {
      while (now() - start < wall) continue;
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  struct rusage usage;
  (void)getrusage(RUSAGE_CHILDREN, &usage);
  double used = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  if (used > allowed) attack_succeeded("%.2f s of CPU in %.0f s", used, wall);
  attack_stopped("%.2f s of CPU in %.0f s", used, wall);
}
