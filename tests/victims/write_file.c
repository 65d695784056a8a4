// Opens PATH for writing, in whatever way, and puts TOKEN at its end.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("write_file");
  const char* token = text_argument(argc, argv, 2);
  // O_NONBLOCK: a FIFO without a reader answers at once.
  int fd = open(text_argument(argc, argv, 1), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) attack_stopped_by_errno("open");
  if (write(fd, token, strlen(token)) < 0) attack_stopped_by_errno("write");
  attack_stopped("written; only the host can tell whether it reached the file");
}
