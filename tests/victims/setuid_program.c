// Runs PROGRAM, a copy of this very file with the setuid bit and another owner, and looks at who it is there.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("setuid_program");
  const char* program = text_argument(argc, argv, 1);
  if (strcmp(program, "--inside") == 0) {
    unsigned long before = strtoul(text_argument(argc, argv, 2), NULL, 10);
    if (geteuid() != before) attack_succeeded("effective uid %u instead of %lu", geteuid(), before);
    attack_stopped("the effective uid stays %u", geteuid());
  }
  char before[16];
  size_t at = sizeof before - 1;
  before[at] = '\0';
  for (unsigned uid = geteuid(); at == sizeof before - 1 || uid > 0; uid /= 10) before[--at] = (char)('0' + uid % 10);
  char* arguments[] = {argv[0], (char[]){"--inside"}, before + at, NULL};
  (void)execv(program, arguments);
  attack_stopped_by_errno("execv");
}
