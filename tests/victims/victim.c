#include "victim.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char* attack_name = "?";

void begin(const char* attack) {
  const char* guard = getenv("FH_VICTIM");
  if (guard == NULL || strcmp(guard, "1") != 0) refuse("set FH_VICTIM=1 to run a program that attacks");
  attack_name = attack;
}

void refuse(const char* why) {
  (void)fprintf(stderr, "%s: refused: %s\n", attack_name, why);
  _exit(kExitRefused);
}

// One write, so that the line stays whole among the output of other processes. _exit: a child must not flush what its
// parent had buffered.
static noreturn void report(int succeeded, const char* format, va_list arguments) {
  char detail[400];
  char line[600];
  (void)vsnprintf(detail, sizeof detail, format, arguments);
  for (char* at = detail; *at != '\0'; ++at) {
    if (*at == '"' || *at == '\\' || !isprint((unsigned char)*at)) *at = '_';
  }
  int length = snprintf(line, sizeof line, "{\"attack\": \"%s\", \"succeeded\": %s, \"detail\": \"%s\"}\n", attack_name,
                        succeeded ? "true" : "false", detail);
  if (length < 0 || write(STDOUT_FILENO, line, (size_t)length) < 0) _exit(kExitRefused);
  _exit(succeeded ? kExitSucceeded : kExitStopped);
}

void attack_succeeded(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  report(1, format, arguments);
}

void attack_stopped(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  report(0, format, arguments);
}

void attack_stopped_by_errno(const char* call) { attack_stopped("%s: %s", call, strerrorname_np(errno)); }

const char* text_argument(int argc, char** argv, int index) {
  if (index >= argc || argv[index][0] == '\0') refuse("an argument is missing");
  return argv[index];
}

long bounded_argument(int argc, char** argv, int index, long most) {
  char* end = NULL;
  long value = strtol(text_argument(argc, argv, index), &end, 10);
  if (*end != '\0' || value < 1 || value > most) refuse("a number is outside its bounds");
  return value;
}

ssize_t read_text(const char* path, char* buffer, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  ssize_t length = read(fd, buffer, size - 1);
  int saved = errno;
  (void)close(fd);
  errno = saved;
  if (length >= 0) buffer[length] = '\0';
  return length;
}

static int command_line_holds(const char* pid, const char* word) {
  char path[64];
  char text[1024];
  (void)snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
  ssize_t length = read_text(path, text, sizeof text);
  return length > 0 && memmem(text, (size_t)length, word, strlen(word)) != NULL;
}

pid_t find_process(const char* word) {
  DIR* proc = opendir("/proc");
  if (proc == NULL) return -1;
  pid_t found = -1;
  for (struct dirent* entry = readdir(proc); entry != NULL && found < 0; entry = readdir(proc)) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    // Its own command line holds the word as well: that is how the victim was told whom to look for.
    if (pid > 1 && pid != getpid() && command_line_holds(entry->d_name, word)) found = pid;
  }
  (void)closedir(proc);
  return found;
}
