// rootfs_tool import ARCHIVE TARGET [--image NAME] [--max-mib N] | check TARGET [--deep] | sweep DIRECTORY | run TARGET [flags of `fumehood run`]
// -- COMMAND...
//
// Imported root file systems by themselves, without a catalog: imports one, checks it (a line for each fault, exit code 1 where
// there is one), and runs a command in one as `fumehood run` does.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "src/cli/command.h"
#include "src/cli/parser.h"
#include "src/cli/spec_flags.h"
#include "src/cli/terminal.h"
#include "src/config/read_config.h"
#include "src/executor/local/launch.h"
#include "src/executor/local/local_executor.h"
#include "src/record/result_json.h"
#include "src/runtime/rootfs_check.h"
#include "src/runtime/rootfs_import.h"
#include "src/runtime/rootfs_runtime.h"

namespace fumehood {
namespace {

std::string Flag(const std::vector<std::string>& words, const std::string& name) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == name) return words[i + 1];
  }
  return "";
}

Result<int> Import(const std::vector<std::string>& words) {
  RootfsImportRequest request{.archive = words[1], .target = words[2], .image = Flag(words, "--image")};
  if (const std::string mib = Flag(words, "--max-mib"); !mib.empty()) request.max_bytes = std::stoll(mib) << 20;
  FH_ASSIGN_OR_RETURN(const RootfsRecord record, ImportRootfs(request));
  (void)std::printf("%s %s %s\n", record.image.form.c_str(), record.image.digest.c_str(), record.identity.c_str());
  for (const std::string& skipped : record.skipped) (void)std::printf("left out: %s\n", skipped.c_str());
  return 0;
}

Result<int> Check(const std::vector<std::string>& words) {
  const bool deep = words.size() == 3 && words[2] == "--deep";
  FH_ASSIGN_OR_RETURN(const auto faults, CheckRootfs(words[1], deep ? CheckDepth::kDeep : CheckDepth::kQuick));
  for (const RuntimeFault& fault : faults) {
    (void)std::printf("%s %s: %s\n", kRuntimeFaultNames[static_cast<size_t>(fault.what)], fault.path.c_str(), fault.detail.c_str());
  }
  return faults.empty() ? 0 : 1;
}

Result<int> Sweep(const std::vector<std::string>& words) {
  FH_ASSIGN_OR_RETURN(const auto swept, SweepImports(words[1]));
  for (const std::string& name : swept) (void)std::printf("%s\n", name.c_str());
  return 0;
}

Result<int> Run(const std::vector<std::string>& words) {
  FH_ASSIGN_OR_RETURN(const Config config, ReadConfig(DefaultSources()));
  LaunchRequest request;
  request.submitter = CurrentSubmitter();
  request.stdout_fd = STDOUT_FILENO;
  request.stderr_fd = STDERR_FILENO;
  FH_ASSIGN_OR_RETURN(const Runtime runtime, RootfsRuntime("image", words[1]));
  request.runtime = &runtime;
  std::vector<std::string> run = {"run"};
  run.insert(run.end(), words.begin() + 2, words.end());
  FH_ASSIGN_OR_RETURN(const Parsed parsed, ParseCommandLine(run));
  FH_ASSIGN_OR_RETURN(const GivenSpec given, SpecFromArguments(parsed.arguments, config, request.submitter));
  request.spec = given.spec;
  request.spec.runtime = "image";
  FH_ASSIGN_OR_RETURN(const Launched launched, Launch(request, config));
  while (waitpid(launched.keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
  LocalExecutor executor(config, request.submitter);
  FH_ASSIGN_OR_RETURN(const RunResult result, executor.Wait(launched.id));
  (void)std::fprintf(stderr, "run %s\n", launched.id.c_str());
  return ExitCodeOf(result);
}

Result<int> Main(const std::vector<std::string>& words) {
  if (words.size() >= 3 && words[0] == "import") return Import(words);
  if (words.size() >= 2 && words[0] == "check") return Check(words);
  if (words.size() == 2 && words[0] == "sweep") return Sweep(words);
  if (words.size() >= 4 && words[0] == "run") return Run(words);
  return Error(ErrorCode::kInvalidArgument, "usage: rootfs_tool import ARCHIVE TARGET [--image NAME] [--max-mib N] | check TARGET "
                                            "[--deep] | sweep DIRECTORY | run TARGET [flags of `fumehood run`] -- COMMAND...");
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
