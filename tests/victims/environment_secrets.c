// Looks for NEEDLE in its own environment, in that of every process it can see, and in what started it.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

static char text[1 << 18];

static int holds(const char* path, const char* needle) {
  ssize_t length = read_text(path, text, sizeof text);
  return length > 0 && memmem(text, (size_t)length, needle, strlen(needle)) != NULL;
}

int main(int argc, char** argv) {
  begin("environment_secrets");
  const char* needle = text_argument(argc, argv, 1);
  if (holds("/proc/self/environ", needle)) attack_succeeded("found in the environment of the run");
  DIR* proc = opendir("/proc");
  if (proc == NULL) attack_stopped_by_errno("opendir");
  for (struct dirent* entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
    char path[64];
    if (strtol(entry->d_name, NULL, 10) <= 0) continue;
    (void)snprintf(path, sizeof path, "/proc/%.20s/environ", entry->d_name);
    if (holds(path, needle)) attack_succeeded("found in %s", path);
  }
  (void)closedir(proc);
  attack_stopped("found nowhere");
}
