// Takes COUNT of something that the kernel counts for a user across all namespaces, and of which all the user's programs share
// some: KIND is watchers (inotify instances), queues (POSIX message queues of 64 KiB) or timers (each a queued signal).
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

static int take_watcher(long number) {
  (void)number;
  return inotify_init1(IN_CLOEXEC);
}

static int take_queue(long number) {
  char name[64];
  struct mq_attr size = {.mq_maxmsg = 8, .mq_msgsize = 8192};
  (void)snprintf(name, sizeof name, "/fumehood-%d-%ld", getpid(), number);
  mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &size);
  // Without a name it ends with this process, and counts until then.
  (void)mq_unlink(name);
  return queue;
}

static int take_timer(long number) {
  (void)number;
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  return timer_create(CLOCK_MONOTONIC, &event, &timer);
}

int main(int argc, char** argv) {
  begin("hoard");
  const char* kind = text_argument(argc, argv, 1);
  long count = bounded_argument(argc, argv, 2, 10000);
  int (*take)(long) = NULL;
  if (strcmp(kind, "watchers") == 0) take = take_watcher;
  else if (strcmp(kind, "queues") == 0) take = take_queue;
  else if (strcmp(kind, "timers") == 0) take = take_timer;
  else refuse("KIND is watchers, queues or timers");
  for (long taken = 0; taken < count; ++taken) {
    if (take(taken) < 0) attack_stopped("got %ld: %s", taken, strerrorname_np(errno));
  }
  attack_succeeded("has %ld", count);
}
