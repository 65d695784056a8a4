// Connects to a unix socket and sends TOKEN: NAME is a path, or an abstract name after an @.
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("connect_unix");
  const char* name = text_argument(argc, argv, 1);
  const char* token = text_argument(argc, argv, 2);
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t length = strlen(name);
  if (length >= sizeof to.sun_path) refuse("NAME is too long");
  memcpy(to.sun_path, name, length);
  if (name[0] == '@') to.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) attack_stopped_by_errno("socket");
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  if (connect(fd, (struct sockaddr*)&to, size) != 0) attack_stopped_by_errno("connect");
  if (send(fd, token, strlen(token), MSG_NOSIGNAL) < 0) attack_stopped_by_errno("send");
  attack_succeeded("sent to a socket of the host");
}
