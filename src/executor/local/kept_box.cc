#include "src/executor/local/kept_box.h"

#include <unistd.h>

#include <cerrno>

#include "src/hood/systemd_scope.h"
#include "src/sys/message.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

Result<void> OrderBox(BoxOrder order, KeptBox& box) {
  if (order.cgroup.needs_scope) {
    FH_ASSIGN_OR_RETURN(order.scope_path, StartScope(box.keeper, "fumehood-" + order.token, "Fumehood run"));
    order.cgroup = PlaceInScope(order.cgroup, order.scope_path);
  }
  Result<void> sent = SendMessage(box.orders, EncodeBoxOrder(order));
  if (!sent) return std::move(sent).error().Within("hand the order for a box to the keeper");
  return {};
}

}  // namespace

Result<KeptBox> StartBox(const BoxOrder& order, const std::string& token) {
  FH_ASSIGN_OR_RETURN(IdleKeeper keeper, IdleKeeper::Start(token));
  return StartBox(order, std::move(keeper));
}

Result<KeptBox> StartBox(const BoxOrder& order, IdleKeeper keeper) {
  BoxOrder own = order;
  own.token = keeper.token();
  KeptBox box;
  FH_ASSIGN_OR_RETURN(box.run, CreateStagedRun(own.state_dir, own.token));
  const auto start = [&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(box.attempt, CreateAttemptDir(box.run, own.attempt));
    for (HoodStep& step : own.plan.steps) {
      if (step.op == Op::kOpenTree && step.path == kAttemptDir) step.path = box.attempt.path;
    }
    IdleKeeper::Taken taken = std::move(keeper).Take();
    box.keeper = taken.keeper;
    box.orders = std::move(taken.orders);
    box.news = std::move(taken.news);
    return OrderBox(own, box);
  };
  Result<void> started = start();
  if (started) return box;
  GiveUp(box);
  (void)DiscardStagedRun(own.state_dir, own.token);  // where no keeper was there to do it
  return std::move(started).error();
}

Result<void> AwaitReady(KeptBox& box) {
  if (!box.ready) FH_TRY(AwaitNews(box.news, "ready"));
  box.ready = true;
  return {};
}

void GiveUp(KeptBox& box) {
  box.orders.Reset();
  if (box.stranger.valid()) {
    (void)PidfdWait(box.stranger, -1);
    box.keeper = -1;
  }
  if (box.keeper > 0) Reap(std::exchange(box.keeper, -1));
}

Result<void> AwaitNews(const Fd& news, std::string_view wanted) {
  for (std::string line;;) {
    char byte = 0;
    const ssize_t got = read(news.get(), &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Error(ErrorCode::kInternal, "the keeper of the run ended before it had begun");
    if (byte != '\n') {
      line += byte;
      continue;
    }
    if (line == wanted) return {};
    if (line.starts_with("failed ")) return Error(ErrorCode::kInternal, "the keeper of the run: " + line.substr(7));
    line.clear();
  }
}

}  // namespace fumehood
