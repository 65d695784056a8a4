// For tests: does something in a forked child, as an ordinary user behind the walls that it puts up, and says how that went.
#pragma once

#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace fumehood {

struct ChildEnd {
  int exit_code = -1;  // -1: ended by `signal`
  int signal = 0;
  std::string output;  // standard output and error together
};

inline bool BecomeOrdinaryUser() {
  constexpr uid_t kNobody = 65534;
  if (geteuid() != 0) return true;
  return setgroups(0, nullptr) == 0 && setresgid(kNobody, kNobody, kNobody) == 0 && setresuid(kNobody, kNobody, kNobody) == 0;
}

// `act` returns the exit code.
inline ChildEnd InChild(const std::function<int()>& act) {
  ChildEnd end;
  int ends[2];
  if (pipe(ends) != 0) return end;
  const pid_t child = fork();
  if (child == 0) {
    if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(EXIT_FAILURE);
    (void)close(ends[0]);  // so that the parent's reading ends the child's writing
    (void)close(ends[1]);
    _exit(BecomeOrdinaryUser() ? act() : EXIT_FAILURE);
  }
  (void)close(ends[1]);  // the end of file is the child's end
  char buffer[4096];
  for (ssize_t got = read(ends[0], buffer, sizeof buffer); got > 0; got = read(ends[0], buffer, sizeof buffer)) {
    end.output.append(buffer, static_cast<size_t>(got));
  }
  (void)close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return end;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

// For use inside the child: becomes the program, with an environment of its own.
inline int Become(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  char path[] = "PATH=/usr/bin:/bin";
  char locale[] = "LC_ALL=C.UTF-8";
  char home[] = "HOME=/tmp";
  char bytecode[] = "PYTHONDONTWRITEBYTECODE=1";
  char* environment[] = {path, locale, home, bytecode, nullptr};
  execve(argv[0], argv.data(), environment);
  perror(argv[0]);
  return 127;
}

}  // namespace fumehood
