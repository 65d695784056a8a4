// The run's first process: seals itself in by walking the plan, starts the analysis, and then is PID 1 of the run's
// namespace: it reaps, forwards SIGTERM, and ends everything when the keeper's pipe closes.
//
// The caller clones it into the plan's namespaces but two, which it makes itself: the cgroup namespace, which begins where its maker
// is, and the network namespace, which is made beside the other steps.
//
// It works in two parts. The box (namespaces, new root, what every run is shown) needs nothing but the submitter to be known; a
// box may wait long for its run. The run's own part of the plan then comes through a socket, with the command.
//
// A warm box (its plan has a command) is walked and sealed as a whole ahead, and the command is an interpreter that then waits in
// it (src/hood/parked_interpreter.h). The run's part has no steps then.
//
// It is the keeper's own small static image, forked from its one thread: no exec stands between clone and the hood. It is not
// dumpable, so the analysis, though it has the same uid, can neither trace it nor look into its memory or descriptors.
#pragma once

#include <cstdint>
#include <vector>

#include "src/hood/parked_interpreter.h"
#include "src/hood/plan.h"
#include "src/hood/steps.h"
#include "src/sys/fd.h"

namespace fumehood {

// What the child tells the keeper; each is one write(2), below PIPE_BUF and so never torn.
struct ChildReport {
  enum Kind : int32_t {
    kBoxStepFailed = 1,  // index: of the step of the box; error
    kBoxed,           // the box stands
    kStepFailed,      // index: of the step of the run; error
    kIdsFailed,       // error
    kNamespaceFailed, // error, of the cgroup namespace
    kNetworkFailed,   // error, of the network namespace
    kChdirFailed,     // error
    kExecFailed,      // error
    kSealed,          // namespaces: as this process sees its own, the plan walked
    kStarted,         // the analysis has been executed
    kExited,          // wait_status of the analysis; it and all that it started are dead and reaped
    kParked,          // of a warm box, in place of kBoxed: it is sealed, and its interpreter waits
    kNotParked,       // text: why it does not, or does not any more
    kColdInstead,     // text: why the interpreter that waited did not take the run; it gets one of its own
  };
  int32_t kind = 0;
  int32_t index = -1;
  int32_t error = 0;
  int32_t wait_status = 0;
  char text[256] = {};          // ends with a zero
  uint64_t namespaces[8] = {};  // inode of /proc/self/ns/*, in the order of kNamespaceNames; 0: not known
};

inline constexpr int32_t kWarm = 1;  // ChildReport::index of kStarted: by the interpreter that waited

// Descriptors that the child has; all of them close-on-exec.
struct ChildFds {
  int line = -1;       // socket: first one byte, the id maps are written; then the run's part (src/sys/message.h)
  int line_keeper = -1;  // the keeper's end of it, closed here: only so does the keeper's end show as end of file
  int report = -1;
  int keepalive = -1;  // its end of file means that the keeper has gone
  int stdout_fd = -1;
  int stderr_fd = -1;
};

// Laid out before the clone; points into the box's plan, which outlives it.
//
// The message that puts a run into the box is EncodePlan of the run's steps with its command, and these descriptors: the
// analysis' standard input and, where the keeper opens the trees, one for each kOpenTree step in their order.
class ChildTask {
 public:
  ChildTask(const HoodPlan& box, const ChildFds& fds, TreeSlots* slots, bool trees_are_open, bool may_drop_groups);

  [[noreturn]] void Run() const;

 private:
  void WaitForGo() const;
  void TakeIds() const;
  struct RunPart {
    HoodPlan plan;
    Fd stdin_fd;
  };
  struct Kept {  // the descriptors that PID 1 goes on with
    int report, keepalive, stdin_fd, stdout_fd, stderr_fd;
    int line = -1;  // while it waits for its run
  };
  void WalkBox() const;
  void Walk(const HoodPlan& plan, ChildReport::Kind failure) const;
  void Apply(const HoodPlan& plan, size_t index, ChildReport::Kind failure) const;
  [[noreturn]] void RunWarm() const;
  RunPart AwaitWarmRun(const Kept& fds, const ParkedInterpreter& interpreter) const;
  RunPart ReceiveRun(int line, int report) const;
  void TellNamespaces(int report_fd) const;
  Kept KeepOnly(int stdin_fd, int line) const;
  int StartAnalysis(const HoodPlan& plan, const Kept& fds) const;
  [[noreturn]] void ReapUntilTheEnd(const Kept& fds, int analysis) const;
  [[noreturn]] static void EndWithAll(const Kept& fds, int wait_status);
  [[noreturn]] void Fail(ChildReport::Kind kind, int index, int error) const;

  const HoodPlan& box_;
  ChildFds fds_;
  TreeSlots* slots_;
  bool trees_are_open_;
  bool may_drop_groups_;
};

}  // namespace fumehood
