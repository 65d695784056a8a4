// Opens a software counter on itself with perf_event_open(2).
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("perf_event");
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_TASK_CLOCK};
  event.exclude_kernel = 1;
  if (syscall(SYS_perf_event_open, &event, 0, -1, -1, 0) < 0) attack_stopped_by_errno("perf_event_open");
  attack_succeeded("has a counter");
}
