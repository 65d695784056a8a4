// fumehood-keeper: started by the library, one for each attempt of a run; not meant to be typed by anybody.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdio>

#include "src/keeper/keeper.h"
#include "src/keeper/order.h"

int main() {
  using namespace fumehood;
  umask(077);
  (void)fcntl(kOrderFd, F_SETFD, FD_CLOEXEC);
  (void)fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(kOrderFd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    (void)std::fputs("fumehood-keeper: this program is started by fumehood, with orders on descriptor 3. See `fumehood help`.\n", stderr);
    return 125;
  }
  return RunKeeper(Fd(kOrderFd));
}
