// Reads SECRET, an absolute path of the host, through the root of every other process to be seen.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("proc_root");
  const char* secret = text_argument(argc, argv, 1);
  DIR* proc = opendir("/proc");
  if (proc == NULL) attack_stopped_by_errno("opendir");
  int last_errno = ENOENT;
  for (struct dirent* entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
    char path[4200];
    char text[16];
    if (strtol(entry->d_name, NULL, 10) <= 0) continue;
    (void)snprintf(path, sizeof path, "/proc/%.20s/root%.4000s", entry->d_name, secret);
    if (read_text(path, text, sizeof text) > 0) attack_succeeded("read %s", path);
    last_errno = errno;
  }
  (void)closedir(proc);
  errno = last_errno;
  attack_stopped_by_errno("open");
}
