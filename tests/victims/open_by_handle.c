// Opens DIRECTORY by its file handle: with a guessed handle that reaches any file of the file system.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("open_by_handle");
  const char* directory = text_argument(argc, argv, 1);
  struct file_handle* handle = malloc(sizeof *handle + MAX_HANDLE_SZ);
  if (handle == NULL) refuse("no memory");
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  int mount_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (mount_fd < 0) attack_stopped_by_errno("open");
  if (name_to_handle_at(AT_FDCWD, directory, handle, &mount_id, 0) != 0) attack_stopped_by_errno("name_to_handle_at");
  int fd = open_by_handle_at(mount_fd, handle, O_RDONLY | O_CLOEXEC);
  if (fd < 0) attack_stopped_by_errno("open_by_handle_at");
  attack_succeeded("opened %s by its handle", directory);
}
