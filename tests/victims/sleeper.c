// Sleeps for SECONDS and uses nothing.
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("sleeper");
  unsigned left = (unsigned)bounded_argument(argc, argv, 1, 120);
  while (left > 0) left = sleep(left);
  attack_succeeded("slept to the end");
}
