#include "src/executor/local/trial_run.h"

#include <fcntl.h>

#include <fmt/format.h>

#include "src/base/ulid.h"
#include "src/executor/local/local_executor.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr int64_t kGraceMs = 30000;  // beyond the spec's own time limit, which is what ends a run
constexpr size_t kMaxText = size_t{1} << 20;

std::string TextOf(const std::string& path) {
  auto text = ReadFile(kHere, path, kMaxText);
  return text ? std::move(text).value() : "";
}

Result<TrialEnd> RunIn(const std::string& place, const AnalysisSpec& spec, Config config, Submitter submitter, const Runtime* runtime) {
  config.state_dir = place + "/state";
  // The last uid of the range: the first ones are in use by runs of the real state directory.
  config.uid_range_first += config.uid_range_count - 1;
  config.uid_range_count = 1;
  submitter.cwd = place + "/project";
  FH_TRY(MakeDirs(submitter.cwd, 0755));
  LocalExecutor executor(config, submitter);
  FH_ASSIGN_OR_RETURN(const RunId id, executor.RunIn(runtime, spec));
  FH_ASSIGN_OR_RETURN(RunResult result, executor.Wait(id, static_cast<int>(spec.timeout_seconds.value_or(0) * 1000 + kGraceMs)));
  if (!IsFinal(result.status)) (void)executor.kill(id);
  executor.AwaitTidied(id);  // it is to be gone before its directory is
  TrialEnd end{result, TextOf(result.stdout_path), TextOf(result.stderr_path), {}};
  FH_ASSIGN_OR_RETURN(const Fd written, OpenDir(kHere, fmt::format("{}/{}", result.run_dir, layout::kWork)));
  for (const std::string& name : spec.outputs) {
    const auto file = OpenBeneath(written.get(), name, O_RDONLY | O_NONBLOCK);  // the run's own making: it may be anything
    const auto info = file ? StatFd(*file) : Result<struct stat>(file.error());
    auto text = info && S_ISREG(info->st_mode) ? ReadFd(file->get(), kMaxText) : Result<std::string>("");
    if (text) end.outputs[name] = std::move(text).value();
  }
  return end;
}

}  // namespace

Result<TrialEnd> MakeTrialRun(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const Runtime* runtime) {
  FH_TRY(EnsureStateDir(config.state_dir));
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, config.state_dir));
  const std::string name = "trial-" + NewRunId();
  FH_TRY(MakeDir(state.get(), name, 0700));
  // Held as long as this process lives: by it `fumehood gc` knows what a killed one has left.
  FH_ASSIGN_OR_RETURN(const Fd held, OpenDir(state.get(), name));
  FH_TRY(LockExclusive(held.get()));
  auto end = RunIn(config.state_dir + "/" + name, spec, config, submitter, runtime);
  const auto removed = RemoveTree(state.get(), name);
  if (!removed) return Error(removed.error()).Within("remove the trial run");
  return end;
}

}  // namespace fumehood
