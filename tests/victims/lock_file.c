// Tries to lock PATH, on which the host holds a lock: being kept out by it means that a lock of this process would keep the
// host out. KIND is flock or record (fcntl).
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("lock_file");
  const char* kind = text_argument(argc, argv, 1);
  int fd = open(text_argument(argc, argv, 2), O_RDONLY | O_CLOEXEC);
  if (fd < 0) attack_stopped_by_errno("open");
  struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  int status = -1;
  if (strcmp(kind, "flock") == 0) status = flock(fd, LOCK_SH | LOCK_NB);
  else if (strcmp(kind, "record") == 0) status = fcntl(fd, F_SETLK, &whole);
  else refuse("KIND is flock or record");
  if (status != 0 && (errno == EAGAIN || errno == EACCES)) attack_succeeded("met the lock of the host");
  if (status != 0) attack_stopped_by_errno(kind);
  attack_stopped("the lock is on a file of the run's own");
}
