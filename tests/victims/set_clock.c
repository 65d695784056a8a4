// Moves the host's clock by nothing: the kernel asks for the same permission as for a year.
#include <sys/timex.h>
#include <time.h>

#include "victim.h"

int main(void) {
  begin("set_clock");
  struct timex nothing = {.modes = ADJ_SETOFFSET | ADJ_NANO};
  if (clock_adjtime(CLOCK_REALTIME, &nothing) < 0) attack_stopped_by_errno("clock_adjtime");
  attack_succeeded("the clock obeys");
}
