// Leaves traps for whoever collects the outputs: links to SECRET, to its directory, and a FIFO, under names of outputs.
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("plant_links");
  const char* secret = text_argument(argc, argv, 1);
  char directory[4096];
  (void)strncpy(directory, secret, sizeof directory - 1);
  directory[sizeof directory - 1] = '\0';
  char* slash = strrchr(directory, '/');
  if (slash == NULL) refuse("SECRET is not an absolute path");
  *slash = '\0';
  if (symlink(secret, "out-link.txt") != 0) attack_stopped_by_errno("symlink");
  if (symlink(directory, "out-directory") != 0) attack_stopped_by_errno("symlink");
  if (mkfifo("out-fifo.txt", 0666) != 0) attack_stopped_by_errno("mkfifo");
  attack_stopped("the traps are laid; only the host can tell");
}
