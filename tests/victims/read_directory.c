// Lists DIRECTORY, which belongs to somebody else, and reads FILE in it.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("read_directory");
  const char* file = text_argument(argc, argv, 2);
  DIR* directory = opendir(text_argument(argc, argv, 1));
  if (directory == NULL) attack_stopped_by_errno("opendir");
  char byte;
  int fd = openat(dirfd(directory), file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) attack_stopped_by_errno("openat");
  if (read(fd, &byte, 1) != 1) attack_stopped_by_errno("read");
  attack_succeeded("read %s", file);
}
