// Seizes the process whose command line holds WORD, or process 1 where WORD is "init".
#include <string.h>
#include <sys/ptrace.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("ptrace_process");
  const char* word = text_argument(argc, argv, 1);
  pid_t target = strcmp(word, "init") == 0 ? 1 : find_process(word);
  if (target < 0) attack_stopped("the process is not to be seen");
  if (ptrace(PTRACE_SEIZE, target, NULL, NULL) != 0) attack_stopped_by_errno("ptrace");
  attack_succeeded("traces process %d", target);
}
