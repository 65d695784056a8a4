#include "src/keeper/verdict.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

// The next limit worth trying: twice as much, which a doubling retry would reach too.
int64_t Twice(int64_t limit) { return limit * 2; }

Verdict MemoryLimit(const Evidence& e) {
  Verdict v{.reason = Reason::kMemoryLimit, .evidence = fmt::format("cgroup memory events: {} out of memory, limit hit {} times", e.oom_kills, e.memory_limit_hits)};
  v.notes = fmt::format("killed: used its {} MiB of memory (peak {:.0f} MiB)", e.limits.memory_limit_mb, e.usage.memory_peak_mb);
  // The kernel kills by itself on v2, and what took the memory may have been gone before it could be looked at.
  const bool seen = e.largest.resident_bytes >= kMiB;
  if (!e.largest.name.empty() && seen) {
    v.notes += fmt::format("; the largest process was {} ({} MiB)", Quoted(e.largest.name), e.largest.resident_bytes / kMiB);
  }
  v.notes += fmt::format(". Try --memory {} or process the data in chunks.", Twice(e.limits.memory_limit_mb));
  return v;
}

Verdict PidsLimit(const Evidence& e) {
  Verdict v{.reason = Reason::kPidsLimit, .evidence = fmt::format("cgroup pids events: {} forks refused", e.pids_limit_hits)};
  v.notes = fmt::format("wanted more than its {} processes and threads; {} more were refused. "
                        "Try --pids {} or fewer workers (n_jobs, --threads, OMP_NUM_THREADS).",
                        e.limits.pids_limit, e.pids_limit_hits, Twice(e.limits.pids_limit));
  if (e.ended_by == EndedBy::kPids) v.notes = "ended: " + v.notes;
  return v;
}

Verdict Timeout(const Evidence& e) {
  Verdict v{.reason = Reason::kTimeout, .evidence = "the keeper's clock"};
  v.notes = fmt::format("ended: ran longer than its {} s{}. Try --timeout {}, or save intermediate results when SIGTERM comes.",
                        e.limits.timeout_seconds,
                        e.ignored_sigterm ? fmt::format(", and did not stop within {} s of SIGTERM", e.limits.grace_seconds) : "",
                        Twice(e.limits.timeout_seconds));
  return v;
}

Verdict Idle(const Evidence& e) {
  return {.reason = Reason::kIdleTimeout,
          .notes = fmt::format("ended: used no CPU and wrote no output for {} s; it was probably waiting for something that never "
                               "comes (input, a lock, the network). Raise idle_timeout_seconds if such pauses are normal.",
                               e.limits.idle_timeout_seconds),
          .evidence = "cpu usage and output did not change"};
}

Verdict Disk(const Evidence& e) {
  Verdict v{.reason = Reason::kDiskLimit, .evidence = fmt::format("{} bytes and {} files measured", e.disk_bytes, e.disk_inodes)};
  if (e.ended_by == EndedBy::kInodes) {
    v.notes = fmt::format("failed: made {} files, more than its {}. Raise inode_limit or write fewer, larger files.", e.disk_inodes,
                          e.limits.inode_limit);
  } else {
    v.notes = fmt::format("failed: wrote {}, more than its {} MiB of disk ({} too much when it was noticed). "
                          "Try --disk {} or remove intermediate files as you go.",
                          HumanBytes(e.disk_bytes), e.limits.disk_limit_mb, HumanBytes(e.disk_overshoot_bytes),
                          Twice(e.limits.disk_limit_mb));
  }
  return v;
}

// What went beyond the limit was refused, and the analysis ended by itself.
Verdict DiskRefused(const Evidence& e) {
  Verdict v{.reason = Reason::kDiskLimit,
            .evidence = fmt::format("more than the limit was refused; at most {} bytes and {} files measured", e.disk_bytes, e.disk_inodes)};
  if (e.inodes_refused) {
    v.notes = fmt::format("failed: wanted to make more files than its {}. Raise inode_limit or write fewer, larger files.", e.limits.inode_limit);
  } else {
    v.notes = fmt::format("failed: wanted to write more than its {} MiB of disk (it had used {}) and was refused it. "
                          "Try --disk {} or remove intermediate files as you go.",
                          e.limits.disk_limit_mb, HumanBytes(e.disk_bytes), Twice(e.limits.disk_limit_mb));
  }
  return v;
}

Verdict Cancelled(const Evidence& e) {
  return {.status = RunStatus::kKilled,
          .reason = Reason::kCancelled,
          .notes = e.cancelled_by.empty() ? "killed on request." : fmt::format("killed on request of {}.", e.cancelled_by),
          .evidence = "a request to the keeper"};
}

// The kernel says ENOENT of a file that is there when what would run it is not.
std::string MissingInterpreter(const Evidence& e) {
  const std::string& interpreter = e.command_file.interpreter;
  if (interpreter.empty()) {
    return fmt::format("could not start {}: it is there, but the loader that it was built for is not: it is a program for another system.",
                       Quoted(e.command));
  }
  if (interpreter.ends_with('\r')) {
    return fmt::format("could not start {}: its first line (#!) ends in a carriage return, as Windows writes them. Try "
                       "`sed -i 's/\\r$//' {}`.", Quoted(e.command), e.command);
  }
  return fmt::format("could not start {}: its first line (#!) names the interpreter {}, which is not there inside the hood. A run sees the "
                     "work directory, the system's programs and its inputs, nothing else.", Quoted(e.command), Quoted(interpreter));
}

std::string MissingCommand(const Evidence& e) {
  const bool is_path = e.command.find('/') != std::string::npos;
  return fmt::format("could not start: there is no command {} inside the hood. Check the spelling; {}", Quoted(e.command),
                     is_path ? "a run sees the work directory, the system's programs and its inputs, nothing else."
                             : fmt::format("a script needs its path (./{}).", e.command));
}

std::string WhyNotStarted(const Evidence& e) {
  switch (e.exec_errno) {
    case ENOENT: return e.command_file.is_file ? MissingInterpreter(e) : MissingCommand(e);
    case ENOTDIR: return MissingCommand(e);
    case ENOEXEC:
      return fmt::format("could not start: {} is not a program, and has no first line (#!) that says what runs it. "
                         "Try `python3 {}` or `bash {}`.", Quoted(e.command), e.command, e.command);
    case E2BIG: return "could not start: the command's arguments and environment are longer than this system takes. Pass them in a file.";
    case ELOOP: return fmt::format("could not start {}: it is a link that leads back to itself.", Quoted(e.command));
    default: break;
  }
  if (e.command_file.is_directory) return fmt::format("could not start {}: it is a directory. Name a program in it.", Quoted(e.command));
  return fmt::format("could not start {}: {}. Try `chmod +x {}`.", Quoted(e.command), ErrnoText(e.exec_errno), e.command);
}

Verdict NotStarted(const Evidence& e) {
  Verdict v{.reason = Reason::kExited, .evidence = "execve: " + ErrnoText(e.exec_errno)};
  v.exit_code = e.exec_errno == ENOENT || e.exec_errno == ENOTDIR ? 127 : 126;
  v.notes = WhyNotStarted(e);
  return v;
}

// What a scientist can make of a program's own end by a signal.
std::string SignalHint(int signal) {
  switch (signal) {
    case SIGSEGV:
    case SIGBUS: return " (a memory access error in native code: often a broken package or a file that was truncated)";
    case SIGABRT: return " (the program gave up by itself)";
    case SIGFPE: return " (an arithmetic error in native code)";
    case SIGILL: return " (an instruction this processor does not have: often a package built for another machine)";
    case SIGXFSZ: return " (a single file grew beyond the disk limit)";
    case SIGSYS: return " (a system call that no analysis may make)";
    default: return "";
  }
}

Verdict OwnEnd(const Evidence& e) {
  Verdict v;
  if (!e.wait_status) {
    v.reason = Reason::kSignaled;
    v.signal = SIGKILL;
    v.notes = "the run's processes were killed from outside (SIGKILL), by an administrator or by the kernel.";
    v.evidence = "the first process ended without a report";
    return v;
  }
  if (WIFSIGNALED(*e.wait_status)) {
    v.reason = Reason::kSignaled;
    v.signal = WTERMSIG(*e.wait_status);
    v.notes = fmt::format("ended by {}{}.", SignalName(*v.signal), SignalHint(*v.signal));
    v.evidence = "wait status";
    if (*v.signal == SIGXFSZ) v.reason = Reason::kDiskLimit;
    return v;
  }
  v.reason = Reason::kExited;
  v.exit_code = WEXITSTATUS(*e.wait_status);
  v.evidence = "wait status";
  if (*v.exit_code == 0) {
    v.status = RunStatus::kCompleted;
  } else {
    v.notes = fmt::format("ended with exit code {}.", *v.exit_code);
    if (e.own_words.empty()) v.notes += " Why, it may say itself: `fumehood logs --stderr RUN`.";
  }
  return v;
}

void AddWaitStatus(const Evidence& e, Verdict& v) {
  if (!e.wait_status || v.exit_code || v.signal) return;
  if (WIFEXITED(*e.wait_status)) v.exit_code = WEXITSTATUS(*e.wait_status);
  if (WIFSIGNALED(*e.wait_status)) v.signal = WTERMSIG(*e.wait_status);
}

void CheckOutputs(const Evidence& e, Verdict& v) {
  if (v.status != RunStatus::kCompleted) return;
  if (!e.stage_out_failure.empty()) {
    v.status = RunStatus::kFailed;
    v.reason = Reason::kStageOut;
    v.notes = fmt::format("the analysis succeeded, but its outputs could not be collected: {}. They are still in the run's work "
                          "directory.", e.stage_out_failure);
  } else if (!e.missing_outputs.empty()) {
    std::vector<std::string> names;
    for (const std::string& glob : e.missing_outputs) names.push_back(Quoted(glob));
    v.status = RunStatus::kFailed;
    v.reason = Reason::kOutputMissing;
    v.notes = fmt::format("ended with exit code 0, but did not make {}. Check the name, and that it is written below the work "
                          "directory.", Join(names, ", "));
  }
}

void AddRemarks(const Evidence& e, Verdict& v) {
  const auto add = [&](const std::string& remark) { v.notes += (v.notes.empty() ? "" : " ") + remark; };
  if (!e.own_words.empty() && v.status != RunStatus::kCompleted) add(fmt::format("In its own words: {}.", e.own_words));
  for (const std::string& remark : e.remarks) add(remark);
  if (e.pids_limit_hits > 0 && v.reason != Reason::kPidsLimit) {
    add(fmt::format("It hit its limit of {} processes {} times.", e.limits.pids_limit, e.pids_limit_hits));
  }
  if ((e.disk_refused || e.inodes_refused) && v.reason != Reason::kDiskLimit) {
    add(fmt::format("It was refused more than its {}: what it wrote then may be cut short.",
                    e.inodes_refused ? fmt::format("{} files", e.limits.inode_limit) : fmt::format("{} MiB of disk", e.limits.disk_limit_mb)));
  }
  if (e.output_dropped_bytes > e.output_failed_bytes) {
    add(fmt::format("{} from the middle of its output were not kept (output_limit_mb {}).",
                    HumanBytes(e.output_dropped_bytes - e.output_failed_bytes), e.limits.output_limit_mb));
  }
  if (e.output_failed_bytes > 0) add(fmt::format("{} of its output could not be written to the logs.", HumanBytes(e.output_failed_bytes)));
  if (e.disk_left_bytes >= 0) {
    add(fmt::format("The disk that holds the state directory had {} left when it ended: it may have met \"no space left on device\". "
                    "Make room (`fumehood gc`), or set FUMEHOOD_STATE to another disk.", HumanBytes(e.disk_left_bytes)));
  }
  const double cpu = e.usage.cpu_user_s + e.usage.cpu_system_s;
  if (e.usage.throttled_s > 1 && e.usage.throttled_s > 0.25 * cpu) {
    add(fmt::format("It waited {:.0f} s for CPU beyond its {:g} cores; more would make it faster (--cpus).", e.usage.throttled_s,
                    e.limits.cpu_quota));
  }
  if (!e.weakened.empty()) add("It ran without these layers of the hood, as allowed: " + Join(e.weakened, ", ") + ".");
}

Verdict JudgeEnd(const Evidence& e) {
  switch (e.ended_by) {
    case EndedBy::kCancelled: return Cancelled(e);
    case EndedBy::kTimeout: return Timeout(e);
    case EndedBy::kIdle: return Idle(e);
    case EndedBy::kDisk:
    case EndedBy::kInodes: return Disk(e);
    case EndedBy::kMemory: return MemoryLimit(e);
    case EndedBy::kPids: return PidsLimit(e);
    case EndedBy::kKeeperFault:
      return {.reason = Reason::kEngineError,
              .notes = fmt::format("ended by a fault of Fumehood's own: {}. The analysis is not to blame; run it again.", e.fault),
              .evidence = e.fault};
    case EndedBy::kItself: break;
  }
  Verdict own = OwnEnd(e);
  if (own.status == RunStatus::kCompleted) return own;
  // A failed end after the limit was hit is the limit's doing, also where the program turned it into an exit code of its own.
  if (e.oom_kills > 0 || e.memory_limit_hits > 0) return MemoryLimit(e);
  if (e.pids_limit_hits > 0) return PidsLimit(e);
  if (own.reason == Reason::kDiskLimit) {
    own.notes = fmt::format("ended by SIGXFSZ: one file grew to its {} MiB of disk. Try --disk {}.", e.limits.disk_limit_mb,
                            Twice(e.limits.disk_limit_mb));
  } else if (e.disk_refused || e.inodes_refused) {
    return DiskRefused(e);
  }
  return own;
}

}  // namespace

Verdict Judge(const Evidence& e) {
  if (!e.setup_failure.empty()) {
    return {.reason = Reason::kSetupFailed,
            .notes = fmt::format("the hood could not be put up, so nothing was started: {}. `fumehood doctor` tells what this host lacks and what mends it.", e.setup_failure),
            .evidence = e.setup_failure};
  }
  if (e.exec_errno != 0) return NotStarted(e);
  Verdict verdict = JudgeEnd(e);
  AddWaitStatus(e, verdict);
  CheckOutputs(e, verdict);
  AddRemarks(e, verdict);
  return verdict;
}

}  // namespace fumehood
