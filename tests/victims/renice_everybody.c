// Lowers the priority of every process of its own user id: of a run that has its starter's uid, of all that the starter runs.
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "victim.h"

int main(void) {
  begin("renice_everybody");
  int status = setpriority(PRIO_USER, 0, 7);
  attack_stopped("setpriority: %s; only the host can tell", status == 0 ? "done" : strerrorname_np(errno));
}
