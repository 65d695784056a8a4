// fumehood setup --user NAME
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/hood/cgroup_setup.h"
#include "src/sys/user.h"

namespace fumehood {
namespace {

Result<UserIds> OrdinaryUser(const Arguments& arguments) {
  if (!arguments.positional.empty() || !arguments.Has("user")) {
    return Error(ErrorCode::kInvalidArgument, "whom to set up for: `sudo fumehood setup --user NAME`");
  }
  auto user = FindUser(arguments.Value("user"));
  if (!user && user.error().code() == ErrorCode::kNotFound) return Error(ErrorCode::kInvalidArgument, user.error().message());
  if (user && user->uid == 0) return Error(ErrorCode::kInvalidArgument, "root needs no set-up: it may make cgroups by itself");
  return user;
}

Result<int> Setup(const Arguments& arguments, Context&) {
  FH_ASSIGN_OR_RETURN(const UserIds user, OrdinaryUser(arguments));
  FH_ASSIGN_OR_RETURN(const std::vector<std::string> done,
                      arguments.Has("undo") ? UndoSetupForUser(user.uid) : SetupForUser(user.uid, user.gid));
  if (arguments.Has("json")) {
    JsonWriter json;
    json.BeginObject().Key("uid").Int(user.uid).Key("done").BeginArray();
    for (const std::string& sentence : done) json.String(sentence);
    PrintOut(json.EndArray().EndObject().Take() + "\n");
    return 0;
  }
  if (done.empty()) PrintOut("nothing was there to be undone\n");
  for (const std::string& sentence : done) PrintOut(sentence + "\n");
  return 0;
}

}  // namespace

Command SetupCommand() {
  return {.name = "setup", .summary = "As root: let an ordinary user put limits on runs",
          .flags = {{.name = "user", .value = "NAME|UID", .help = "Whom; a number needs no account"},
                    {.name = "undo", .help = "Take it back"},
                    {.name = "json", .help = "As JSON"}},
          .description = "Gives the user cgroups of their own, where the system does not do so by itself (systemd with cgroup v2 does).\n"
                         "It lasts until the machine is booted again; repeating it is harmless. `fumehood doctor` says whether it is\n"
                         "needed.",
          .run = Setup};
}

}  // namespace fumehood
