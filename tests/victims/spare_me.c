// Asks the kernel to spare this process when memory runs out, at the cost of others: -500 in /proc/self/oom_score_adj.
#include <fcntl.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("spare_me");
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) attack_stopped_by_errno("open");
  if (write(fd, "-500", 4) != 4) attack_stopped_by_errno("write");
  attack_succeeded("others will be killed first");
}
