// Connects to 127.0.0.1:PORT and sends TOKEN.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("connect_loopback");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)bounded_argument(argc, argv, 1, 65535))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const char* token = text_argument(argc, argv, 2);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) attack_stopped_by_errno("socket");
  if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0) attack_stopped_by_errno("connect");
  if (send(fd, token, strlen(token), MSG_NOSIGNAL) < 0) attack_stopped_by_errno("send");
  attack_succeeded("sent to the host's loopback");
}
