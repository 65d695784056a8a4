// Opens a raw socket (KIND raw), a packet socket (packet) or one to the hypervisor (vsock).
#include <string.h>
#include <sys/socket.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("raw_socket");
  const char* kind = text_argument(argc, argv, 1);
  int fd = -1;
  if (strcmp(kind, "raw") == 0) fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1 /* ICMP */);
  else if (strcmp(kind, "packet") == 0) fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  else if (strcmp(kind, "vsock") == 0) fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  else refuse("KIND is raw, packet or vsock");
  if (fd < 0) attack_stopped_by_errno("socket");
  attack_succeeded("opened a %s socket", kind);
}
