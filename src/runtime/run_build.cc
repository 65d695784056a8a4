#include "src/runtime/run_build.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/prefix_file.h"
#include "src/sys/bound_child.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr size_t kMostLog = size_t{64} << 20;
constexpr size_t kMostShown = 2000;

// The last lines that say something, each fit for a terminal.
std::string EndOf(const std::string& text) {
  std::vector<std::string> kept;
  size_t size = 0;
  const auto lines = Lines(text);
  for (auto line = lines.rbegin(); line != lines.rend() && size < kMostShown; ++line) {
    if (Trimmed(*line).empty()) continue;
    const std::string quoted = Quoted(line->substr(0, kMostShown));
    kept.push_back("  " + quoted.substr(1, quoted.size() - 2));
    size += kept.back().size();
  }
  std::reverse(kept.begin(), kept.end());
  return Join(kept, "\n");
}

std::string Shown(const std::vector<std::string>& argv) {
  std::vector<std::string> words = argv;
  for (std::string& word : words) {
    if (word.find_first_of(" \t\n'\"\\$") != std::string::npos) word = Quoted(word);
  }
  return Join(words, " ");
}

Error Failed(const std::vector<std::string>& argv, int code, const std::string& log) {
  constexpr int kSignalled = 128;
  const std::string how = code > kSignalled ? fmt::format("was ended by signal {}", code - kSignalled) : fmt::format("ended with {}", code);
  const auto text = ReadFile(kHere, log, kMostLog);
  const std::string end = text ? EndOf(*text) : "";
  const std::string message = fmt::format("`{}` {}{}{}\nall that it printed: {}", Shown(argv), how, end.empty() ? "" : ":\n", end, log);
  // By the words of the C library: tools often remove what had filled the disk before they end.
  const bool full = end.find("No space left on device") != std::string::npos || end.find("Disk quota exceeded") != std::string::npos;
  return full ? Error(ErrorCode::kResourceExhausted, message, ENOSPC) : Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace

Result<std::string> VersionOf(const BuildTool& tool, const std::map<std::string, std::string>& env) {
  FH_ASSIGN_OR_RETURN(PipePair pipe, MakePipe());
  BoundRequest request{.path = tool.program, .argv = {tool.program, "--version"}, .env = BuildEnvironment(env, {}), .cwd = "/", .output_fd = pipe.write.get()};
  if (tool.name == "pip") request.argv = {tool.program, "-m", "pip", "--version"};
  if (tool.name == "rattler") request.argv = {tool.program, "-c", "from importlib.metadata import version; print(version('py-rattler'))"};
  // A pipe holds 64 KiB: far more than any version.
  FH_ASSIGN_OR_RETURN(const int code, RunBound(request));
  pipe.write.Reset();
  FH_ASSIGN_OR_RETURN(const std::string printed, ReadFd(pipe.read.get(), size_t{128} << 10));
  std::string version = VersionIn(printed);
  if (code == 0 && !version.empty()) return version;
  return Error(ErrorCode::kInvalidArgument, fmt::format("`{}` does not work: {}{}", Shown(request.argv), Join(SplitWords(printed.substr(0, kMostShown)), " "),
                                                        tool.name == "pip" ? "; install it: sudo apt-get install python3-pip" : ""));
}

Result<void> RunBuild(const BuildPlan& plan, const std::string& directory, const std::map<std::string, std::string>& env, const std::string& log) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, directory));
  for (const auto& [name, text] : plan.files) FH_TRY(WriteFileAtomically(dir.get(), name, text, 0600, Durability::kLater));
  // What tools unpack on the way goes with the build, however it ends.
  FH_TRY(MakeDir(dir.get(), "tmp", 0700));
  FH_ASSIGN_OR_RETURN(const Fd out, OpenAt(kHere, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
  BuildPlan with_tmp = plan;
  with_tmp.env["TMPDIR"] = directory + "/tmp";
  const std::vector<std::string> variables = BuildEnvironment(env, with_tmp);
  for (const std::vector<std::string>& argv : plan.steps) {
    FH_TRY(WriteAll(out.get(), "$ " + Shown(argv) + "\n"));
    FH_ASSIGN_OR_RETURN(const int code, RunBound({.path = argv[0], .argv = argv, .env = variables, .cwd = plan.cwd, .output_fd = out.get()}));
    if (code != 0) return Failed(argv, code, log);
  }
  if (!plan.mark.empty()) {
    FH_ASSIGN_OR_RETURN(const Fd prefix, OpenDir(kHere, plan.prefix));
    const auto mark = OpenBeneath(prefix.get(), plan.mark, O_WRONLY | O_CREAT, 0644);
    if (!mark) return Error(mark.error()).Within("mark " + Quoted(plan.prefix) + " as made");
  }
  auto removed = RemoveTree(dir.get(), "tmp");
  return removed ? Result<void>() : Result<void>(std::move(removed).error());
}

}  // namespace fumehood
