#include "src/keeper/supervisor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/keeper/command_file.h"
#include "src/keeper/isolation_probe.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kMiB = 1024.0 * 1024.0;
// A run that keeps hitting its process limit so long makes no progress (DESIGN.md section 4).
constexpr seconds kPidsPatience{10};
// Events of a cgroup can come thousands of times a second; once in so long they are looked at.
constexpr milliseconds kEventPause{100};

std::string WhereItFailed(const HoodStep& step, int error) {
  std::string text = Describe(step) + ": " + ErrnoText(error);
  if (step.op == Op::kOverlay && error == EINVAL) {
    text += ". The state directory, or the work directory, lies on a file system that an overlay cannot use (another overlay, NFS, "
            "some FUSE): set FUMEHOOD_STATE to a directory on a local disk";
  }
  if (step.op == Op::kProc && error == EPERM) {
    text += ". This is a container whose /proc is partly covered, and the kernel then refuses a fresh one";
  }
  return text;
}

}  // namespace

Supervisor::Supervisor(const KeeperOrder& order, Box& box, Journal& journal, const Streams& streams, DiskWatch& disk, UsageCsv& usage_csv,
                       int news_fd, const Fd& signals)
    : order_(order), box_(box), journal_(journal), output_(streams.output), error_output_(streams.error_output), input_(streams.input),
      disk_(disk), usage_csv_(usage_csv),
      news_fd_(news_fd), signals_(signals), began_(Clock::now()), next_sample_(began_ + seconds(1)), last_activity_(began_) {}

void Supervisor::WatchToTheEnd(Evidence& evidence) {
  evidence_ = &evidence;
  if (box_.first_report) OnChildReport(*box_.first_report);
  while (!over_) PollOnce();
  while (box_.report.valid() && !evidence.wait_status) ReadChildReport();  // what it said last may still be in the pipe
  if (!evidence.wait_status) EndByForce();
  ReadUsage(evidence.usage);
  AppendUsage(evidence.usage);  // however short the run was, there is one line
  evidence.usage.wall_s = duration<double>(Clock::now() - began_).count();
  evidence.oom_kills = counters_.oom_kills;
  // Hierarchies of v1 do not kill for memory that a system call wants; the call fails, and the program with it.
  if (box_.cgroup && box_.cgroup->version() == CgroupVersion::kV1) evidence.memory_limit_hits = counters_.memory_limit_hits;
  evidence.pids_limit_hits = counters_.pids_limit_hits;
}

void Supervisor::PollOnce() {
  const auto memory = box_.cgroup ? box_.cgroup->memory_events() : RunCgroup::WakeFd{};
  const auto pids = box_.cgroup ? box_.cgroup->pids_events() : RunCgroup::WakeFd{};
  const auto event_mask = [](const RunCgroup::WakeFd& wake) { return static_cast<short>(wake.priority ? POLLPRI : POLLIN); };
  std::array<struct pollfd, 8> waits = {{
      {box_.report.get(), POLLIN, 0},
      {signals_.get(), POLLIN, 0},
      {output_.poll_fd(), output_.poll_events(), 0},
      {error_output_.poll_fd(), error_output_.poll_events(), 0},
      {memory_armed_ ? memory.fd : -1, event_mask(memory), 0},
      {pids_armed_ ? pids.fd : -1, event_mask(pids), 0},
      {box_.process.pidfd.get(), POLLIN, 0},
      {input_.poll_fd(), POLLOUT, 0},
  }};
  const int ready = poll(waits.data(), waits.size(), MillisecondsToNextClock());
  if (ready < 0 && errno != EINTR) {
    evidence_->fault = "poll: " + ErrnoText(errno);
    End(EndedBy::kKeeperFault, true);
  }
  if (ready > 0) {
    if (waits[0].revents != 0) ReadChildReport();
    if (waits[1].revents != 0) OnSignal();
    if (waits[2].revents != 0) output_.OnReady();
    if (waits[3].revents != 0) error_output_.OnReady();
    if (waits[4].revents != 0) OnMemoryEvent();
    if (waits[5].revents != 0) pids_armed_ = false;  // looked at with the next sample
    if (waits[6].revents != 0) over_ = true;
    if (waits[7].revents != 0) input_.OnReady();
  }
  if (!over_) OnClocks();
}

int Supervisor::MillisecondsToNextClock() const {
  Clock::time_point next = std::min(next_sample_, disk_.next());
  if (time_limit_) next = std::min(next, *time_limit_);
  if (kill_at_ && !killed_) next = std::min(next, *kill_at_);
  const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3600 * 1000));
}

void Supervisor::ReadChildReport() {
  ChildReport report;
  if (read(box_.report.get(), &report, sizeof report) != static_cast<ssize_t>(sizeof report)) {
    // End of file: PID 1 ends, and the pidfd says so. Not polled again.
    box_.report.Reset();
    return;
  }
  OnChildReport(report);
}

void Supervisor::OnChildReport(const ChildReport& report) {
  switch (report.kind) {
    case ChildReport::kBoxStepFailed: OnStepFailed(order_.box.plan, report); break;
    case ChildReport::kStepFailed: OnStepFailed(order_.plan, report); break;
    case ChildReport::kIdsFailed: evidence_->setup_failure = "take the run's own uid: " + ErrnoText(report.error); break;
    case ChildReport::kNamespaceFailed: evidence_->setup_failure = "make the cgroup namespace: " + ErrnoText(report.error); break;
    case ChildReport::kNetworkFailed: evidence_->setup_failure = "make the network namespace: " + ErrnoText(report.error); break;
    case ChildReport::kChdirFailed:
      evidence_->setup_failure = "enter the work directory " + Quoted(order_.plan.cwd) + ": " + ErrnoText(report.error);
      break;
    case ChildReport::kExecFailed:
      evidence_->exec_errno = report.error;
      evidence_->command_file = LookAtCommand(order_.workdir, order_.plan.argv[0]);
      break;
    case ChildReport::kSealed: std::copy(std::begin(report.namespaces), std::end(report.namespaces), namespaces_); break;
    case ChildReport::kNotParked:  // it is started cold, and that says so too
    case ChildReport::kColdInstead: why_cold_ = report.text; break;
    case ChildReport::kStarted:
      OnStarted();
      if (order_.warm_wanted) TellWhetherWarm(report.index == kWarm);
      break;
    case ChildReport::kExited:
      evidence_->wait_status = report.wait_status;
      over_ = true;
      break;
    default: break;
  }
}

void Supervisor::OnStepFailed(const HoodPlan& plan, const ChildReport& report) {
  const auto at = static_cast<size_t>(report.index);
  if (at < plan.steps.size()) evidence_->setup_failure = WhereItFailed(plan.steps[at], report.error);
}

// PID 1 ended without a word, or was killed.
void Supervisor::EndByForce() {
  Reap(std::exchange(box_.process.pid, -1));
  if (!box_.cgroup) return;
  // With PID 1 the pid namespace has ended; this is for what may never be: a process outside it.
  const Result<void> killed = box_.cgroup->KillAll();
  if (!killed) journal_.Say("some process of the run could not be killed: " + killed.error().message());
}

void Supervisor::OnStarted() {
  running_ = true;
  began_ = Clock::now();
  last_activity_ = began_;
  started_at_ = Rfc3339(Now());
  if (order_.limits.timeout_seconds > 0) time_limit_ = began_ + seconds(order_.limits.timeout_seconds);
  (void)!write(news_fd_, "started\n", 8);  // a launcher that has gone does not need it
  isolation_ = ProbeIsolation(box_.process.pid, namespaces_, box_.cgroup ? &*box_.cgroup : nullptr, order_.box.plan, order_.plan);
  isolation_.disk = disk_.method();
  isolation_.weakened = order_.weakened;
  JsonWriter members;
  members.Key("started_at").String(started_at_);  // the result's: the event itself is written a little later
  members.Key("attempt").Int(order_.attempt).Key("pid").Int(box_.process.pid).Key("uid").Int(isolation_.uid);
  members.Key("cgroup").String(isolation_.cgroup).Key("cgroup_place").String(order_.box.cgroup.how);
  members.Key("namespaces").String(Join(isolation_.namespaces, " ")).Key("seccomp").Bool(isolation_.seccomp);
  members.Key("landlock_abi").Int(isolation_.landlock_abi).Key("network").String(isolation_.network);
  journal_.Event("started", members.text());
  journal_.Say(fmt::format("started {} with {} MiB of memory, {:g} {}, {} processes, {} s", Quoted(order_.plan.argv[0]),
                           order_.limits.memory_limit_mb, order_.limits.cpu_quota,
                           order_.limits.cpu_quota == 1 ? "core" : "cores", order_.limits.pids_limit, order_.limits.timeout_seconds));
}

void Supervisor::TellWhetherWarm(bool used) {
  const std::string& why = order_.warm_why_not.empty() ? why_cold_ : order_.warm_why_not;
  JsonWriter members;
  members.Key("used").Bool(used);
  if (!used) members.Key("why").String(why);
  if (IsWarm(order_.box)) members.Key("cpu_before_s").Double(box_.before.cpu_user_s + box_.before.cpu_system_s);
  journal_.Event("warm", members.text());
  journal_.Say(used ? "started warm: in an interpreter that waited with its packages loaded" : "started cold, though a warm start was wanted: " + why);
}

void Supervisor::OnSignal() {
  const auto signal = ReadSignal(signals_);
  if (!signal) return;
  if (signal->has_sender) evidence_->cancelled_by = fmt::format("uid {}", signal->uid);
  JsonWriter members;
  members.Key("signal").Int(signal->number).Key("by_uid").Int(signal->uid).Key("by_pid").Int(signal->pid);
  journal_.Event("kill_requested", members.text());
  // Asked a second time: no more grace.
  End(EndedBy::kCancelled, evidence_->ended_by == EndedBy::kCancelled || !running_);
}

void Supervisor::OnMemoryEvent() {
  memory_armed_ = false;
  next_sample_ = std::min(next_sample_, Clock::now() + kEventPause);
  FindLargest();  // first: on v2 they are about to die
  if (!ReadCounters()) return;
  if (counters_.oom_kills > 0) End(EndedBy::kMemory, true);
}

void Supervisor::OnClocks() {
  const Clock::time_point now = Clock::now();
  if (time_limit_ && now >= *time_limit_) {
    time_limit_.reset();
    End(EndedBy::kTimeout, false);
  }
  if (kill_at_ && !killed_ && now >= *kill_at_) {
    evidence_->ignored_sigterm = true;
    journal_.Say(fmt::format("did not stop within {} s of SIGTERM: killed", order_.limits.grace_seconds));
    KillAll();
  }
  if (now >= next_sample_) Sample(now);
  if (now >= disk_.next()) CheckDisk(now);
}

void Supervisor::Sample(Clock::time_point now) {
  // A long run is sampled less often, so that a day of it is still some hundred lines and a sleeping one costs nothing.
  const auto age = now - began_;
  const auto interval = std::max<Clock::duration>(
      std::chrono::duration_cast<Clock::duration>(duration<double>(order_.usage_interval_seconds)), age / 200);
  next_sample_ = now + interval;
  memory_armed_ = true;
  pids_armed_ = true;
  Usage usage;
  ReadUsage(usage);
  AppendUsage(usage);
  if (!running_) return;
  CheckIdle(now);
  CheckPids();
  if (counters_.memory_bytes > order_.limits.memory_limit_mb * static_cast<int64_t>(kMiB) / 2) FindLargest();
}

void Supervisor::AppendUsage(const Usage& usage) {
  UsageSample row;
  row.time = Now();
  row.cpu_user_s = usage.cpu_user_s;
  row.cpu_system_s = usage.cpu_system_s;
  if (box_.cgroup) {
    row.memory_bytes = counters_.memory_bytes;
    row.pids = counters_.pids;
    row.read_bytes = counters_.read_bytes;
    row.written_bytes = counters_.written_bytes;
    row.throttled_s = counters_.throttled_s;
  }
  row.disk_bytes = disk_.use().bytes;
  (void)usage_csv_.Append(row);  // on a full disk a line is missing; the peaks are kept here
}

void Supervisor::CheckIdle(Clock::time_point now) {
  const double cpu = counters_.cpu_user_s + counters_.cpu_system_s;
  const int64_t output = output_.bytes_seen() + error_output_.bytes_seen();
  // A hundredth of a second: what timers and reapers use without doing anything.
  if (cpu - last_cpu_s_ > 0.01 || output != last_output_) {
    last_activity_ = now;
    last_cpu_s_ = cpu;
    last_output_ = output;
  }
  const int64_t limit = order_.limits.idle_timeout_seconds;
  if (limit > 0 && now - last_activity_ >= seconds(limit)) End(EndedBy::kIdle, false);
}

void Supervisor::CheckPids() {
  const Clock::time_point now = Clock::now();
  if (counters_.pids_limit_hits == last_pids_hits_) {
    pids_hits_since_.reset();
    return;
  }
  last_pids_hits_ = counters_.pids_limit_hits;
  if (!pids_hits_since_) pids_hits_since_ = now;
  if (now - *pids_hits_since_ >= kPidsPatience) End(EndedBy::kPids, true);
}

void Supervisor::CheckDisk(Clock::time_point now) {
  disk_.Measure(now);
  if (!running_ || killed_) return;
  if (disk_.bytes_exceeded()) End(EndedBy::kDisk, true);
  if (disk_.inodes_exceeded()) End(EndedBy::kInodes, true);
}

void Supervisor::FindLargest() {
  if (!box_.cgroup) return;
  const auto pids = box_.cgroup->Pids();
  if (!pids) return;
  for (const pid_t pid : *pids) {
    if (pid == box_.process.pid) continue;
    const auto process = FindProcess(pid);
    if (!process || !*process || (*process)->resident_bytes < evidence_->largest.resident_bytes) continue;
    evidence_->largest = {(*process)->name, (*process)->resident_bytes};
  }
}

void Supervisor::End(EndedBy cause, bool at_once) {
  if (evidence_->ended_by == EndedBy::kItself) {
    evidence_->ended_by = cause;
    constexpr const char* kNames[] = {"itself", "request", "timeout", "idle_timeout", "disk_limit", "inode_limit", "memory_limit",
                                      "pids_limit", "keeper_fault"};
    JsonWriter members;
    members.Key("cause").String(kNames[static_cast<size_t>(cause)]).Key("at_once").Bool(at_once);
    journal_.Event("ending", members.text());
    journal_.Say(fmt::format("ending the run: {}", kNames[static_cast<size_t>(cause)]));
  }
  if (at_once) {
    KillAll();
  } else if (!kill_at_) {
    kill_at_ = Clock::now() + seconds(order_.limits.grace_seconds);
    (void)PidfdSignal(box_.process.pidfd, SIGTERM);  // PID 1 passes it on; one that has gone is past asking
  }
}

void Supervisor::KillAll() {
  killed_ = true;
  (void)PidfdSignal(box_.process.pidfd, SIGKILL);  // gone already: then so is its namespace
  if (box_.cgroup) (void)box_.cgroup->KillAll();   // tried again after PID 1's end, and told there
}

// What was used before the run had its box is not the run's.
bool Supervisor::ReadCounters() {
  const auto read = box_.cgroup ? box_.cgroup->Read() : Result<CgroupUsage>(Error(ErrorCode::kNotFound, "no cgroup"));
  if (!read) return false;
  counters_ = *read;
  const CgroupUsage& before = box_.before;
  counters_.cpu_user_s -= before.cpu_user_s;
  counters_.cpu_system_s -= before.cpu_system_s;
  counters_.throttled_s -= before.throttled_s;
  if (counters_.read_bytes) *counters_.read_bytes -= before.read_bytes.value_or(0);
  if (counters_.written_bytes) *counters_.written_bytes -= before.written_bytes.value_or(0);
  counters_.oom_kills -= before.oom_kills;
  counters_.memory_limit_hits -= before.memory_limit_hits;
  counters_.pids_limit_hits -= before.pids_limit_hits;
  return true;
}

void Supervisor::ReadUsage(Usage& usage) {
  ReadCounters();
  memory_peak_bytes_ = std::max({memory_peak_bytes_, counters_.memory_bytes, counters_.memory_peak_bytes.value_or(0)});
  pids_peak_ = std::max({pids_peak_, counters_.pids.value_or(0), counters_.pids_peak.value_or(0)});
  usage.cpu_user_s = counters_.cpu_user_s;
  usage.cpu_system_s = counters_.cpu_system_s;
  usage.throttled_s = counters_.throttled_s;
  usage.memory_peak_mb = static_cast<double>(memory_peak_bytes_) / kMiB;
  usage.pids_peak = std::max<int64_t>(0, pids_peak_ - 1);  // PID 1 is ours
  usage.read_bytes = counters_.read_bytes.value_or(0);
  usage.written_bytes = counters_.written_bytes.value_or(0);
}

}  // namespace fumehood
