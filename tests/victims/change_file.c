// Changes PATH without writing into it: HOW is mode, owner, remove or link (a second name beside it).
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("change_file");
  const char* how = text_argument(argc, argv, 1);
  const char* path = text_argument(argc, argv, 2);
  char second[4200];
  (void)snprintf(second, sizeof second, "%.4000s.second", path);
  int status = -1;
  if (strcmp(how, "mode") == 0) status = chmod(path, 0777);
  else if (strcmp(how, "owner") == 0) status = chown(path, 1, 1);
  else if (strcmp(how, "remove") == 0) status = unlink(path);
  else if (strcmp(how, "link") == 0) status = link(path, second);
  else refuse("HOW is mode, owner, remove or link");
  if (status != 0) attack_stopped_by_errno(how);
  attack_stopped("done; only the host can tell where");
}
