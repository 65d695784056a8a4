// ParkedInterpreter: an interpreter that waits in a sealed box for its run (docs/warm.md): the side of the run's first process.
//
// It was started with one end of a socket as descriptor 3, and speaks in single letters: python/parked_python.py. Everything here
// is called after the seal, by PID 1, for which the interpreter is one more analysis: it trusts it in nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/hood/plan.h"
#include "src/hood/start_program.h"
#include "src/sys/fd.h"

namespace fumehood {

class ParkedInterpreter {
 public:
  // Starts the command of `plan` and waits until it has loaded its packages. What went wrong, or empty. `keepalive`: its end of file
  // is an end of waiting.
  std::string Start(const HoodPlan& plan, int keepalive);

  int poll_fd() const { return line_.get(); }  // readable while it waits: it has ended
  int pid() const { return pid_; }

  // Hands it the run; empty once it has begun. Else why this run must have an interpreter of its own; this one has ended then.
  std::string HandOver(const HoodPlan& run, const std::vector<int>& streams);

 private:
  StartedProgram Begin(const HoodPlan& plan);
  std::string AwaitLoaded(int keepalive);
  std::string AwaitAnswer(char wanted, int keepalive, int timeout_ms);
  void End();

  int pid_ = -1;
  Fd line_;
  Fd output_;  // what its packages print while they are loaded
};

}  // namespace fumehood
