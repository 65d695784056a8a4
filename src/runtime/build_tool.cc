#include "src/runtime/build_tool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/build_plan.h"
#include "src/sys/bound_child.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr const char* kSystemPython = "/usr/bin/python3";

bool IsProgram(const std::string& path) {
  const auto info = FindStat(kHere, path, true);
  return info && *info && S_ISREG((*info)->st_mode) && access(path.c_str(), X_OK) == 0;
}

std::string Variable(const std::map<std::string, std::string>& env, const std::string& name) {
  const auto found = env.find(name);
  return found == env.end() ? std::string() : found->second;
}

bool HasManager(const BuildFile& file, std::string_view manager) {
  return std::any_of(file.locked.begin(), file.locked.end(), [&](const LockedPackage& package) { return package.manager == manager; });
}

// Whether the interpreter can import it.
bool HasModule(const std::string& python, const std::string& module, const std::map<std::string, std::string>& env) {
  const auto null = OpenAt(kHere, "/dev/null", O_WRONLY);
  if (python.empty() || !null) return false;
  const auto code = RunBound({.path = python, .argv = {python, "-c", "import " + module}, .env = BuildEnvironment(env, {}), .cwd = "/", .output_fd = null->get()});
  return code && *code == 0;
}

std::string ProgramOf(const std::string& tool, const std::map<std::string, std::string>& env, const std::string& python) {
  if (tool == "pip") {
    if (!python.empty()) return FindProgram(python, env);
    return IsProgram(kSystemPython) ? kSystemPython : FindProgram("python3", env);
  }
  if (tool != "rattler") return FindProgram(tool, env);
  for (const std::string& interpreter : {FindProgram("python3", env), std::string(kSystemPython)}) {
    if (HasModule(interpreter, "rattler", env)) return interpreter;
  }
  return {};
}

const char* HowToGet(const std::string& tool) {
  if (tool == "pip") return "sudo apt-get install python3-pip";
  if (tool == "uv") return "pip install uv";
  if (tool == "rattler") return "pip install py-rattler, in a virtualenv whose python3 is first on PATH";
  return "its own installer";
}

}  // namespace

std::string FindProgram(const std::string& name, const std::map<std::string, std::string>& env) {
  if (name.find('/') != std::string::npos) return name.starts_with('/') && IsProgram(name) ? name : std::string();
  for (const std::string& directory : Split(Variable(env, "PATH"), ':')) {
    if (directory.starts_with('/') && IsProgram(directory + "/" + name)) return directory + "/" + name;
  }
  return {};
}

std::vector<std::string> ToolsFor(const BuildFile& file) {
  const std::vector<std::string> conda = {"pixi", "rattler"};
  const std::vector<std::string> python = {"uv", "pip"};
  switch (file.kind) {
    case BuildFileKind::kEnvironment:
    case BuildFileKind::kExplicit: return conda;
    case BuildFileKind::kRequirements: return python;
    case BuildFileKind::kLock: return HasManager(file, "conda") ? conda : python;
    case BuildFileKind::kArchive: break;
  }
  return {};
}

std::vector<BuildTool> FindTools(const BuildFile& file, const std::map<std::string, std::string>& env, const std::string& python) {
  std::vector<BuildTool> found;
  for (const std::string& name : ToolsFor(file)) {
    if (std::string program = ProgramOf(name, env, python); !program.empty()) found.push_back({name, std::move(program)});
  }
  return found;
}

Result<BuildTool> ChooseTool(const BuildFile& file, const std::vector<BuildTool>& found, const std::string& with) {
  const std::vector<std::string> able = ToolsFor(file);
  const std::string what = fmt::format("--file {} ({})", Quoted(file.name), kBuildFileKindNames[static_cast<size_t>(file.kind)]);
  if (!with.empty() && std::find(able.begin(), able.end(), with) == able.end()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("--with {}: nothing that makes a runtime of {}; one of: {}", Quoted(with), what, Join(able, ", ")));
  }
  const auto chosen = std::find_if(found.begin(), found.end(), [&](const BuildTool& tool) { return with.empty() || tool.name == with; });
  if (chosen != found.end()) return *chosen;
  std::vector<std::string> ways;
  for (const std::string& name : able) {
    if (with.empty() || name == with) ways.push_back(fmt::format("{} ({})", name, HowToGet(name)));
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("no tool on PATH makes a runtime of {}; get one of: {}", what, Join(ways, ", ")));
}

std::string VersionIn(const std::string& printed) {
  for (const std::string& word : SplitWords(printed)) {
    if (word[0] >= '0' && word[0] <= '9') return word;
  }
  return {};
}

}  // namespace fumehood
