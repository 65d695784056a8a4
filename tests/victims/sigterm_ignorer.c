// Ignores every signal that can be ignored, and stays for SECONDS.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("sigterm_ignorer");
  time_t end = time(NULL) + bounded_argument(argc, argv, 1, 120);
  for (int number = 1; number < NSIG; ++number) (void)signal(number, SIG_IGN);
  while (time(NULL) < end) (void)sleep(1);
  attack_succeeded("outlived every polite signal");
}
