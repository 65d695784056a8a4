#include "src/executor/local/idle_keeper.h"

#include <limits.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "src/base/text.h"
#include "src/sys/process.h"

namespace fumehood {

Result<IdleKeeper> IdleKeeper::Start(std::string token) {
  FH_ASSIGN_OR_RETURN(const std::string program, FindKeeper());
  FH_ASSIGN_OR_RETURN(SocketPair line, MakeSocketPair());
  FH_ASSIGN_OR_RETURN(PipePair news, MakePipe());
  IdleKeeper idle;
  idle.token_ = std::move(token);
  SpawnRequest spawn;
  spawn.path = program;
  spawn.argv = {"fumehood-keeper", idle.token_};
  spawn.env = {};  // nothing of the submitter's environment is the keeper's business
  spawn.fds = {line.theirs.get(), news.write.get()};
  spawn.new_session = true;  // neither Ctrl-C nor the end of the terminal reaches it
  FH_ASSIGN_OR_RETURN(idle.keeper_, Spawn(spawn));
  idle.orders_ = std::move(line.ours);
  idle.news_ = std::move(news.read);
  return idle;
}

IdleKeeper::IdleKeeper(IdleKeeper&& other) noexcept
    : token_(std::move(other.token_)), keeper_(std::exchange(other.keeper_, -1)), orders_(std::move(other.orders_)),
      news_(std::move(other.news_)) {}

IdleKeeper::~IdleKeeper() {
  if (keeper_ <= 0) return;
  orders_.Reset();
  Reap(keeper_);
}

IdleKeeper::Taken IdleKeeper::Take() && { return {std::exchange(keeper_, -1), std::move(orders_), std::move(news_)}; }

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
