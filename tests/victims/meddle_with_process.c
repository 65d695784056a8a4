// Acts on the process whose command line holds WORD, harmlessly: HOW is see (it is found), limits (its resource limits are
// read), signal (it is sent signal 0) or affinity (its processors are read).
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("meddle_with_process");
  const char* how = text_argument(argc, argv, 1);
  pid_t target = find_process(text_argument(argc, argv, 2));
  if (target < 0) attack_stopped("the process is not to be seen");
  struct rlimit limit;
  cpu_set_t processors;
  if (strcmp(how, "limits") == 0) {
    if (prlimit(target, RLIMIT_NOFILE, NULL, &limit) != 0) attack_stopped_by_errno("prlimit");
    if (prlimit(target, RLIMIT_NOFILE, &limit, NULL) != 0) attack_stopped_by_errno("prlimit");
  } else if (strcmp(how, "signal") == 0) {
    if (kill(target, 0) != 0) attack_stopped_by_errno("kill");
  } else if (strcmp(how, "affinity") == 0) {
    if (sched_getaffinity(target, sizeof processors, &processors) != 0) attack_stopped_by_errno("sched_getaffinity");
    if (sched_setaffinity(target, sizeof processors, &processors) != 0) attack_stopped_by_errno("sched_setaffinity");
  } else if (strcmp(how, "see") != 0) {
    refuse("HOW is see, limits, signal or affinity");
  }
  attack_succeeded("%s: process %d", how, target);
}
