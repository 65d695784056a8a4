// A program that works for this process and ends with it, whatever ends this process.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct BoundRequest {
  std::string path;               // absolute
  std::vector<std::string> argv;
  std::vector<std::string> env;   // "K=V"
  std::string cwd;
  int output_fd = -1;             // its standard output and error; standard input is empty
};

// Runs it to its end: its exit code, or 128 + the signal that ended it. It has no terminal to ask anything on. It and all that it
// starts is one process group, which is killed when it ends and when this process does, by SIGKILL too: a watcher between the two
// sees to that. What leaves the group, as daemons do, is not reached.
Result<int> RunBound(const BoundRequest& request);

}  // namespace fumehood
