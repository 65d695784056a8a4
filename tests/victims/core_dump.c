// Raises its own limit on core files, lets a child crash, and looks for what it left here.
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("core_dump");
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) attack_stopped_by_errno("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_CORE, &limit) != 0) attack_stopped_by_errno("setrlimit");
  pid_t child = fork();
  if (child < 0) attack_stopped_by_errno("fork");
  if (child == 0) {
    (void)raise(SIGABRT);
    _exit(1);
  }
  int status = 0;
  (void)waitpid(child, &status, 0);
  DIR* here = opendir(".");
  if (here == NULL) attack_stopped_by_errno("opendir");
  for (struct dirent* entry = readdir(here); entry != NULL; entry = readdir(here)) {
    struct stat file;
    if (strncmp(entry->d_name, "core", 4) == 0 && strchr(entry->d_name, '_') == NULL &&
        lstat(entry->d_name, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0) {
      attack_succeeded("%s has %lld bytes", entry->d_name, (long long)file.st_size);
    }
  }
  (void)closedir(here);
  if (WIFSIGNALED(status) && WCOREDUMP(status)) attack_succeeded("the kernel dumped core somewhere");
  attack_stopped("no core file");
}
