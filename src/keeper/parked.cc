#include "src/keeper/parked.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "src/sys/errno_error.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

// Waits for either; true when `first` can be read (or has ended), false when `second` can.
Result<bool> FirstOf(const Fd& first, const Fd& second) {
  struct pollfd waits[2] = {{first.get(), POLLIN, 0}, {second.get(), POLLIN, 0}};
  while (poll(waits, 2, -1) < 0) {
    const int error = errno;
    if (error != EINTR) return ErrnoError(error, "poll");
  }
  return waits[0].revents != 0;
}

Result<bool> IsStillStaged(const Parked& parked) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, parked.run.path, false));
  return info.has_value();
}

Result<std::optional<Message>> GiveUp(Parked& parked) {
  TakeDown(*parked.box);
  FH_TRY(DiscardStagedRun(parked.order.state_dir, parked.order.token));
  return std::optional<Message>();
}

// Read too where it is not so: only then is the next event told.
bool IsOutOfMemory(Box& box) {
  const auto usage = box.cgroup->Read();
  return !usage || usage->oom_kills > 0;
}

// Packages may want more memory than a waiting interpreter gets: then it hangs (cgroup v1) or is killed. Neither may take for ever.
Result<bool> FirstReportComes(Parked& parked) {
  Box& box = *parked.box;
  if (!IsWarm(parked.order)) return FirstOf(box.report, parked.signals);
  constexpr int kLoadingMs = 150 * 1000;  // the first process itself waits a little less
  const auto memory = box.cgroup ? box.cgroup->memory_events() : RunCgroup::WakeFd{};
  struct pollfd waits[3] = {{box.report.get(), POLLIN, 0}, {parked.signals.get(), POLLIN, 0},
                            {memory.fd, static_cast<short>(memory.priority ? POLLPRI : POLLIN), 0}};
  for (;;) {
    const int ready = poll(waits, 3, kLoadingMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || waits[1].revents != 0) return false;
    if (waits[0].revents != 0) return true;
    if (IsOutOfMemory(box)) return false;
  }
}

bool IsParked(const Box& box) { return box.first_report && box.first_report->kind == ChildReport::kParked; }

// Why a warm box cannot be used.
std::string WhyNotParked(const Parked& parked) {
  if (!parked.made) return parked.made.error().message();
  const auto& report = parked.box->first_report;
  if (!report) return "its packages did not load in the time and the memory that a waiting interpreter has (warm_memory_mb)";
  if (report->kind == ChildReport::kNotParked) return report->text;
  const auto step = static_cast<size_t>(report->index);
  return report->kind == ChildReport::kBoxStepFailed && step < parked.order.plan.steps.size() ? Describe(parked.order.plan.steps[step]) : "its hood could not be made";
}

// One report: that the box stands, or why not. The end of file is noticed by whoever watches the run.
void ReadFirstReport(Box& box) {
  ChildReport report;
  if (read(box.report.get(), &report, sizeof report) != static_cast<ssize_t>(sizeof report)) return;
  box.first_report = report;
}

}  // namespace

Result<Parked> Park(const Fd& orders, const std::function<void(const std::string&)>& tell) {
  // SIGPIPE and SIGHUP are caught only to be blocked: a launcher that has gone is an error of write.
  FH_TRY(CatchSignals({SIGPIPE, SIGHUP}));
  Parked parked;
  FH_ASSIGN_OR_RETURN(parked.signals, CatchSignals({SIGTERM, SIGINT, SIGQUIT}));
  FH_ASSIGN_OR_RETURN(const auto message, ReceiveMessage(orders, kOrderLimit));
  if (!message) return Error(ErrorCode::kUnavailable, "no order came");
  FH_ASSIGN_OR_RETURN(parked.order, DecodeBoxOrder(message->bytes));
  const BoxOrder& order = parked.order;
  FH_ASSIGN_OR_RETURN(parked.run, OpenStagedRun(order.state_dir, order.token));
  FH_ASSIGN_OR_RETURN(parked.attempt, OpenAttemptDir(parked.run, order.attempt));
  parked.box = std::make_unique<Box>();
  parked.made = LeaseIds(order, *parked.box);
  // Before anything is made: whoever finds this later must be able to find its keeper and its cgroup.
  FH_ASSIGN_OR_RETURN(const ProcessIdentity self, IdentityOf(getpid()));
  FH_TRY(WriteKeeperHandle(parked.run.fd.get(), HandleOf(order, self, parked.box->host_uid), Durability::kLater));
  if (order.warm.wait_seconds > 0) {
    FH_ASSIGN_OR_RETURN(auto place, ParkingPlace::Claim(order.state_dir, order.warm.key, order.token, order.warm.pool_size));
    if (!place) {
      (void)GiveUp(parked);
      return Error(ErrorCode::kResourceExhausted, "as many wait already as may");
    }
    parked.place.emplace(std::move(*place));
  }
  if (parked.made) parked.made = MakeBox(parked.order, parked.run, parked.attempt, *parked.box);
  if (parked.made) {
    FH_ASSIGN_OR_RETURN(const bool reported, FirstReportComes(parked));
    if (reported) ReadFirstReport(*parked.box);
  }
  if (IsWarm(order) && !IsParked(*parked.box)) {
    const std::string why = WhyNotParked(parked);
    (void)GiveUp(parked);  // `gc` has what this cannot do
    return Error(ErrorCode::kUnavailable, why);
  }
  if (parked.place) {
    const Result<void> open = parked.place->Open();
    if (!open) {
      (void)GiveUp(parked);
      return open.error();
    }
  }
  tell("ready");
  return parked;
}

namespace {

// Until a launcher has taken it: true, and `orders` is that launcher's. False: it has waited long enough, was asked to go, or its
// interpreter has ended.
Result<bool> AwaitTaker(Fd& orders, Parked& parked) {
  using std::chrono::steady_clock;
  Box& box = *parked.box;
  const auto end = steady_clock::now() + std::chrono::seconds(parked.order.warm.wait_seconds);
  const auto memory = box.cgroup ? box.cgroup->memory_events() : RunCgroup::WakeFd{};
  for (;;) {
    struct pollfd waits[4] = {{parked.place->poll_fd(), POLLIN, 0}, {parked.signals.get(), POLLIN, 0}, {box.report.get(), POLLIN, 0},
                              {memory.fd, static_cast<short>(memory.priority ? POLLPRI : POLLIN), 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    const int ready = poll(waits, 4, static_cast<int>(std::clamp<long long>(left, 0, 3600 * 1000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return ErrnoError(errno, "poll");
    if (left <= 0 || waits[1].revents != 0 || waits[2].revents != 0) return false;
    if (waits[3].revents != 0 && IsOutOfMemory(box)) return false;
    if (waits[0].revents == 0) continue;
    ParkingPlace::Visit visit = parked.place->Receive();
    if (visit.wish == ParkingPlace::Visit::Wish::kLeave) return false;
    if (visit.wish != ParkingPlace::Visit::Wish::kTake) continue;
    if (dup2(visit.news.get(), kReportFd) < 0) return ErrnoError(errno, "take the launcher's pipe");
    orders = std::move(visit.orders);
    return true;
  }
}

}  // namespace

Result<std::optional<Message>> AwaitOrder(Fd& orders, Parked& parked, const std::function<void(const std::string&)>& tell) {
  if (parked.place) {
    FH_ASSIGN_OR_RETURN(const bool taken, AwaitTaker(orders, parked));
    parked.place->Leave();  // before anybody is answered
    if (!taken) return GiveUp(parked);
    tell("taken");
  }
  FH_ASSIGN_OR_RETURN(const bool ordered, FirstOf(orders, parked.signals));
  if (!ordered) {
    FH_ASSIGN_OR_RETURN(const bool staged, IsStillStaged(parked));
    if (staged) return GiveUp(parked);
    // It has become a run: its order is on its way, and the request, left where it is, will be the run's.
  }
  FH_ASSIGN_OR_RETURN(auto message, ReceiveMessage(orders, kOrderLimit));
  if (!message) return GiveUp(parked);
  return message;
}

}  // namespace fumehood
