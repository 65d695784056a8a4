// Makes COUNT children that end at once and reaps none, so that each keeps its slot in the process table.
#include <errno.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("zombie_maker");
  long count = bounded_argument(argc, argv, 1, 2000);
  for (long made = 0; made < count; ++made) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0) attack_stopped_by_errno("fork");
  }
  attack_succeeded("%ld zombies", count);
}
