#include "src/executor/local/kept_box.h"

#include <limits.h>
#include <unistd.h>

#include <cerrno>

#include "src/base/text.h"
#include "src/hood/systemd_scope.h"
#include "src/sys/message.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

Result<void> StartKeeper(BoxOrder order, KeptBox& box) {
  FH_ASSIGN_OR_RETURN(const std::string program, FindKeeper());
  FH_ASSIGN_OR_RETURN(SocketPair line, MakeSocketPair());
  FH_ASSIGN_OR_RETURN(PipePair news, MakePipe());
  SpawnRequest spawn;
  spawn.path = program;
  spawn.argv = {"fumehood-keeper", order.token};
  spawn.env = {};  // nothing of the submitter's environment is the keeper's business
  spawn.fds = {line.theirs.get(), news.write.get()};
  spawn.new_session = true;  // neither Ctrl-C nor the end of the terminal reaches it
  FH_ASSIGN_OR_RETURN(box.keeper, Spawn(spawn));
  box.orders = std::move(line.ours);
  box.news = std::move(news.read);
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
  BoxOrder own = order;
  own.token = token;
  KeptBox box;
  FH_ASSIGN_OR_RETURN(box.run, CreateStagedRun(own.state_dir, own.token));
  const auto start = [&]() -> Result<void> {
    FH_ASSIGN_OR_RETURN(box.attempt, CreateAttemptDir(box.run, own.attempt));
    for (HoodStep& step : own.plan.steps) {
      if (step.op == Op::kOpenTree && step.path == kAttemptDir) step.path = box.attempt.path;
    }
    return StartKeeper(own, box);
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

Result<std::string> FindKeeper() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::vector<std::string> places;
  if (length > 0) {
    const std::string program(self, static_cast<size_t>(length));
    const std::string directory = program.substr(0, program.rfind('/'));
    places = {directory + "/fumehood-keeper", directory + "/../libexec/fumehood/fumehood-keeper", directory + "/../fumehood-keeper"};
  }
  places.emplace_back(FH_INSTALLED_KEEPER);
  for (const std::string& place : places) {
    if (access(place.c_str(), X_OK) == 0) return place;
  }
  return Error(ErrorCode::kNotFound, "fumehood-keeper is not installed beside this program: looked at " + Join(places, ", "));
}

}  // namespace fumehood
