#include "src/bench/launchers.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr const char* kTrue = "/bin/true";

std::string FindProgram(const std::string& name) {
  for (const char* directory : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"}) {
    const std::string path = std::string(directory) + "/" + name;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

Result<void> RunToItsEnd(const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  SpawnRequest request;
  request.path = argv[0];
  request.argv = argv;
  request.env = env;
  FH_ASSIGN_OR_RETURN(const pid_t pid, Spawn(request));
  const int code = ReapCode(pid);
  if (code != 0) return Error(ErrorCode::kInternal, fmt::format("{} ended with {}", argv[0], code));
  return {};
}

Launcher Command(const std::string& name, const std::vector<std::string>& argv, const std::vector<std::string>& env = {}) {
  return {name, [argv, env] { return RunToItsEnd(argv, env); }};
}

std::vector<std::string> BubblewrapCommand(const std::string& bwrap) {
  return {bwrap, "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
          "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", kTrue};
}

// An OCI bundle on this machine's own /usr, with every namespace, in a cgroup with limits where crun can make one.
Result<void> WriteBundle(const std::string& bundle) {
  FH_TRY(MakeDirs(bundle + "/rootfs", 0755));
  FH_ASSIGN_OR_RETURN(const Fd root, OpenDir(kHere, bundle + "/rootfs"));
  for (const char* name : {"usr", "proc", "dev", "tmp"}) FH_TRY(MakeDir(root.get(), name, 0755));
  for (const std::string name : {"bin", "lib", "lib64"}) (void)symlinkat(("usr/" + name).c_str(), root.get(), name.c_str());
  constexpr const char* kConfig = R"({"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/true"],"cwd":"/",
"env":["PATH=/usr/bin:/bin"],"noNewPrivileges":true},"root":{"path":"rootfs","readonly":true},"hostname":"bench",
"mounts":[{"destination":"/proc","type":"proc","source":"proc"},
{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","mode=755"]},
{"destination":"/usr","type":"bind","source":"/usr","options":["rbind","ro"]}],
"linux":{"namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"}],
"resources":{"memory":{"limit":1073741824},"pids":{"limit":64}}}})";
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, bundle));
  return WriteFileAtomically(dir.get(), "config.json", kConfig, 0644, Durability::kLater);
}

Launcher Crun(const std::string& crun, const std::string& scratch) {
  const auto serial = std::make_shared<std::atomic<int64_t>>(0);
  const std::string bundle = scratch + "/bundle";
  return {"crun, limits", [=] {
    return RunToItsEnd({crun, "--root", scratch + "/crun", "run", "--bundle", bundle, fmt::format("fumehood-bench-{}-{}", getpid(), ++*serial)}, {});
  }};
}

Launcher Library(const std::string& name, const std::shared_ptr<LocalExecutor>& executor) {
  return {name, [executor]() -> Result<void> {
    AnalysisSpec spec;
    spec.command = {kTrue};
    FH_ASSIGN_OR_RETURN(const RunId id, executor->run_analysis(spec));
    FH_ASSIGN_OR_RETURN(const RunResult result, executor->Wait(id));
    if (result.status != RunStatus::kCompleted) return Error(ErrorCode::kInternal, "run " + id + ": " + result.completion_notes);
    return {};
  }};
}

// Kept if it works; the reason if not.
void TryPeer(Launcher launcher, Launchers& launchers) {
  const Result<void> tried = launcher.once();
  if (tried) {
    launchers.list.push_back(std::move(launcher));
  } else {
    launchers.left_out.push_back(launcher.name + ": " + tried.error().message());
  }
}

}  // namespace

Result<Launchers> FindLaunchers(const std::string& scratch, const std::string& program, const std::string& image) {
  Launchers launchers;
  launchers.list.push_back(Command("bare posix_spawn", {kTrue}));
  if (const std::string bwrap = FindProgram("bwrap"); !bwrap.empty()) {
    TryPeer(Command("bubblewrap --unshare-all", BubblewrapCommand(bwrap)), launchers);
  } else {
    launchers.left_out.emplace_back("bubblewrap: is not installed");
  }
  if (const std::string crun = FindProgram("crun"); !crun.empty() && geteuid() == 0) {
    FH_TRY(WriteBundle(scratch + "/bundle"));
    TryPeer(Crun(crun, scratch), launchers);
  } else {
    launchers.left_out.emplace_back("crun: is not installed, or needs root");
  }
  if (const std::string docker = FindProgram("docker"); !docker.empty() && !image.empty()) {
    TryPeer(Command("docker run --rm", {docker, "run", "--rm", "--network", "none", image, "true"}), launchers);
  } else {
    launchers.left_out.emplace_back("docker: is not installed, or no --image was given");
  }
  const std::string state = scratch + "/state";
  launchers.list.push_back(Command("fumehood run", {program, "run", "-q", "--", kTrue},
                                   {"PATH=/usr/bin:/bin", "HOME=" + scratch, "FUMEHOOD_STATE=" + state}));
  Config config;
  config.state_dir = state;
  config.profiles["default"] = Limits{};
  const Submitter submitter = CurrentSubmitter();
  launchers.list.push_back(Library("the hood through the library, no spare box", std::make_shared<LocalExecutor>(config, submitter, 0)));
  launchers.executor = std::make_shared<LocalExecutor>(config, submitter, 1);
  launchers.list.push_back(Library("the hood through the library", launchers.executor));
  return launchers;
}

}  // namespace fumehood
