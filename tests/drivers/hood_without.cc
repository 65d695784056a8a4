// hood_without LAYER,... -- [flags of `fumehood run`] -- COMMAND...: a run whose hood lacks these layers.
//
// For the attack suite alone, which has to show that an attack succeeds where the layer that stops it is missing. The order to
// the keeper is made as `fumehood run` makes it and then has steps taken out, before the keeper gets it: nothing in the product
// knows how to do that. Layer names: tests/attack/layers.py.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "src/base/text.h"
#include "src/cli/parser.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"
#include "src/config/read_config.h"
#include "src/executor/local/launch.h"
#include "src/record/result_json.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

void DropSteps(KeeperOrder& order, Op op) {
  std::erase_if(order.plan.steps, [op](const HoodStep& step) { return step.op == op; });
}

void DropRlimit(KeeperOrder& order, int64_t resource) {
  std::erase_if(order.plan.steps, [&](const HoodStep& step) { return step.op == Op::kRlimit && step.number == resource; });
}

void NoMemory(KeeperOrder& order) {
  order.cgroup_limits.memory_bytes = 0;
  DropSteps(order, Op::kReconfigure);  // the bound of /dev/shm
}

void NoDisk(KeeperOrder& order) {
  constexpr int64_t kPlenty = 1 << 30;
  order.limits.disk_limit_mb = kPlenty;
  order.limits.inode_limit = kPlenty;
  DropRlimit(order, RLIMIT_FSIZE);
}

void NoShareOfUser(KeeperOrder& order) {
  DropSteps(order, Op::kWriteFile);
  DropRlimit(order, RLIMIT_MSGQUEUE);
  DropRlimit(order, RLIMIT_SIGPENDING);
}

// A run without a user namespace keeps its starter's ids: whoever gives up root before the mounts are made cannot make them.
void NoUserNamespace(KeeperOrder& order) {
  order.plan.namespaces &= ~static_cast<uint32_t>(kNsUser);
  order.plan.uid_inside = geteuid();
  order.plan.gid_inside = getegid();
  order.box.by_root = false;
  NoShareOfUser(order);  // it would be the share of all the host's programs
}

// A fresh /proc belongs to a PID namespace that is the run's own; without one it is shown the caller's.
void NoPidNamespace(KeeperOrder& order) {
  order.plan.namespaces &= ~static_cast<uint32_t>(kNsPid);
  for (HoodStep& step : order.plan.steps) {
    if (step.op != Op::kProc) continue;
    step.op = Op::kAttachFrom;
    step.text = "/proc";
  }
}

// What was mounted below an overlay is shown itself.
void NoOverlay(KeeperOrder& order) {
  for (HoodStep& step : order.plan.steps) {
    if (step.op == Op::kOpenTree && (step.flags & kTreeIdMap) != 0) step.flags &= ~static_cast<uint32_t>(kTreeReadOnly);
    if (step.op != Op::kOverlay) continue;
    constexpr std::string_view kLower = "lowerdir=";
    const size_t at = step.text.find(kLower) + kLower.size();
    step.op = Op::kAttachFrom;
    step.text = step.text.substr(at, step.text.find_first_of(":\n", at) - at);
  }
}

void NoMaskedProc(KeeperOrder& order) {
  std::erase_if(order.plan.steps, [](const HoodStep& s) { return s.op == Op::kAttachFrom && s.path.starts_with("proc/"); });
}

void NoNodev(KeeperOrder& order) {
  for (HoodStep& step : order.plan.steps) step.flags &= ~static_cast<uint32_t>(kTreeNoDev | kTreeNoSuid);
}

void NoMaskedState(KeeperOrder& order) {
  std::erase_if(order.plan.steps, [](const HoodStep& s) { return s.op == Op::kAttachFrom && s.text == ".stage/empty" && !s.path.starts_with("proc/"); });
}

void NoFilesystem(KeeperOrder& order) {
  std::erase_if(order.plan.steps, [](const HoodStep& step) { return step.layer == Layer::kFilesystem; });
  NoShareOfUser(order);  // its /proc is in the new root
}

void CallersEnvironment(KeeperOrder& order) {
  for (char** variable = environ; *variable != nullptr; ++variable) order.plan.env.emplace_back(*variable);
}

struct LeftOut {
  const char* layer;
  void (*edit)(KeeperOrder&);
};

constexpr LeftOut kLayers[] = {
    {"memory", NoMemory},
    {"cpu", [](KeeperOrder& order) { order.cgroup_limits.cpu_quota = 0; }},
    {"pids", [](KeeperOrder& order) { order.cgroup_limits.pids_max = 0; }},
    {"disk", NoDisk},
    {"kill", [](KeeperOrder& order) { order.box.cgroup = {}; }},
    {"namespaces.user", NoUserNamespace},
    {"namespaces.pid", NoPidNamespace},
    {"namespaces.ipc", [](KeeperOrder& order) { order.plan.namespaces &= ~static_cast<uint32_t>(kNsIpc); }},
    {"namespaces.net", [](KeeperOrder& order) { order.plan.namespaces &= ~static_cast<uint32_t>(kNsNet); DropSteps(order, Op::kLoopbackUp); }},
    {"namespaces.cgroup", [](KeeperOrder& order) { order.plan.namespaces &= ~static_cast<uint32_t>(kNsCgroup); }},
    {"filesystem.overlay", NoOverlay},
    {"filesystem.proc", NoMaskedProc},
    {"filesystem.nodev", NoNodev},
    {"filesystem.masks", NoMaskedState},
    {"filesystem", NoFilesystem},
    {"privileges.capabilities", [](KeeperOrder& order) { DropSteps(order, Op::kBoundCapabilities); DropSteps(order, Op::kDropCapabilities); }},
    {"privileges.no_new_privileges", [](KeeperOrder& order) { DropSteps(order, Op::kNoNewPrivileges); }},
    {"privileges.uid", [](KeeperOrder& order) { order.box.by_root = false; }},
    {"privileges.core", [](KeeperOrder& order) { DropRlimit(order, RLIMIT_CORE); }},
    {"privileges.share_of_user", NoShareOfUser},
    {"privileges.keyring", [](KeeperOrder& order) { DropSteps(order, Op::kJoinKeyring); }},
    {"privileges.dumpable", [](KeeperOrder& order) { DropSteps(order, Op::kNotDumpable); }},
    {"privileges.environment", CallersEnvironment},
    {"seccomp", [](KeeperOrder& order) { DropSteps(order, Op::kSeccomp); }},
    {"landlock", [](KeeperOrder& order) { DropSteps(order, Op::kLandlock); }},
};

Result<EditOrder> EditFor(const std::string& names) {
  std::vector<void (*)(KeeperOrder&)> edits;
  for (const std::string& name : Split(names, ',')) {
    const auto found = std::find_if(std::begin(kLayers), std::end(kLayers), [&](const LeftOut& left) { return name == left.layer; });
    if (found != std::end(kLayers)) {
      edits.push_back(found->edit);
    } else if (!name.empty()) {
      return Error(ErrorCode::kInvalidArgument, "there is no layer " + Quoted(name));
    }
  }
  return EditOrder([edits](KeeperOrder& order) {
    for (const auto edit : edits) edit(order);
  });
}

Result<int> Main(const std::vector<std::string>& words) {
  if (words.size() < 3 || words[1] != "--") {
    return Error(ErrorCode::kInvalidArgument, "usage: hood_without LAYER,... -- [flags of `fumehood run`] -- COMMAND...");
  }
  FH_ASSIGN_OR_RETURN(const EditOrder edit, EditFor(words[0]));
  std::vector<std::string> run = {"run"};
  run.insert(run.end(), words.begin() + 2, words.end());
  FH_ASSIGN_OR_RETURN(const Parsed parsed, ParseCommandLine(run));
  if (parsed.command == nullptr) return Error(ErrorCode::kInvalidArgument, "a command is needed");
  FH_ASSIGN_OR_RETURN(const Config config, ReadConfig(DefaultSources()));
  LaunchRequest request;
  request.submitter = CurrentSubmitter();
  request.stdout_fd = STDOUT_FILENO;
  request.stderr_fd = STDERR_FILENO;
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(parsed.arguments, config, request.submitter));
  request.spec = given.spec;
  FH_ASSIGN_OR_RETURN(const Launched launched, Launch(request, config, nullptr, edit));
  while (waitpid(launched.keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
  LocalExecutor executor(config, request.submitter);
  FH_ASSIGN_OR_RETURN(const RunResult result, executor.Wait(launched.id));
  if (parsed.arguments.Has("result")) {
    FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(kHere, parsed.arguments.Value("result"), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    FH_TRY(WriteAll(file.get(), PrintResult(result) + "\n"));
  }
  return ExitCodeOf(result);
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) {
  using namespace fumehood;
  const Result<int> code = Main({argv + 1, argv + argc});
  if (code) return *code;
  PrintErr(ErrorText(code.error(), false));
  return ExitCodeOf(code.error());
}
