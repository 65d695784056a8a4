#include "src/keeper/parked.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
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
  if (parked.made) parked.made = MakeBox(parked.order, parked.run, parked.attempt, *parked.box);
  if (parked.made) {
    FH_ASSIGN_OR_RETURN(const bool reported, FirstOf(parked.box->report, parked.signals));
    if (reported) ReadFirstReport(*parked.box);
  }
  tell("ready");
  return parked;
}

Result<std::optional<Message>> AwaitOrder(const Fd& orders, Parked& parked) {
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
