// fumehood notebook: a run whose command is our program that executes a notebook with the runtime's own nbclient. All that
// is particular to notebooks is said here, as flags and a command of `run`; the rest is `run`.
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/notebook_parameters.h"
#include "src/cli/run_command.h"
#include "src/runtime/find_runtime.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr const char* kEnding = ".ipynb";
constexpr const char* kShownAt = "/fumehood-notebook";  // the program, and a notebook from outside the work directory
constexpr const char* kProgram = "execute_notebook.py";

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string Stem(const std::string& path) { return path.substr(0, path.size() - std::string_view(kEnding).size()); }

// Empty: it is not there.
std::string RealPath(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) != nullptr ? real : "";
}

Result<std::string> FindNotebookProgram() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::vector<std::string> places;
  if (length > 0) {
    const std::string program(self, static_cast<size_t>(length));
    const std::string directory = program.substr(0, program.rfind('/'));
    places = {directory + "/" + kProgram, directory + "/../libexec/fumehood/" + kProgram};
  }
  places.emplace_back(FH_INSTALLED_NOTEBOOK_PROGRAM);
  for (const std::string& place : places) {
    if (access(place.c_str(), R_OK) == 0) return RealPath(place);
  }
  return Error(ErrorCode::kNotFound, std::string(kProgram) + " is not installed beside this program: looked at " + Join(places, ", "));
}

// How this runtime gets what notebooks need. Empty for one that is not known: the run is refused for that.
std::string HowToGet(const std::string& name, const Config& config) {
  const auto entry = Catalog(config.state_dir).Find(name);
  const RuntimeSource* source = entry ? LocalSource(*entry) : nullptr;
  if (source == nullptr) return "";
  switch (source->kind) {
    case RuntimeKind::kConda: return fmt::format("conda install --prefix {} nbclient ipykernel", source->location);
    case RuntimeKind::kVirtualenv: return source->location + "/bin/pip install nbclient ipykernel";
    case RuntimeKind::kRootfs: return "pip install nbclient ipykernel, in the image that the runtime was made of";
    default: return "sudo apt-get install python3-nbclient python3-ipykernel";
  }
}

// As a glob that is this name and no other.
std::string AsGlob(const std::string& name) {
  std::string glob;
  for (const char c : name) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) glob += '\\';
    glob += c;
  }
  return glob;
}

// Turns what was typed into what `run` would have been told.
class AsRun {
 public:
  AsRun(const Arguments& arguments, const Context& context) : given_(arguments), context_(context), run_(arguments) {}

  Result<Arguments> Make() {
    FH_ASSIGN_OR_RETURN(const std::string program, FindNotebookProgram());
    run_.positional.clear();
    run_.command.clear();
    for (const char* own : {"parameter", "parameters", "output-notebook"}) run_.flags.erase(own);
    SetDefault("profile", "notebook");
    const std::string path = NotebookPath();
    const NotebookParameters parameters = ReadNotebookParameters(given_.Value("parameters"), given_.Values("parameter"));
    run_.problems.insert(run_.problems.end(), parameters.problems.begin(), parameters.problems.end());
    const std::string stem = path.empty() ? "notebook" : Stem(BaseName(path));
    const std::string to = OutputPath(stem);
    SetDefault("name", stem);
    if (given_.Has("output")) run_.flags["output"].push_back(AsGlob(to));
    Show(program, kProgram);
    run_.command = {"python3", "-I", fmt::format("{}/{}", kShownAt, kProgram), "--to", to, "--figures", stem + "-figures", "--parameters", parameters.json,
                    "--get", HowToGet(given_.Has("runtime") ? given_.Value("runtime") : "python3", context_.config), "--", path};
    return std::move(run_);
  }

 private:
  void Complain(std::string message, std::string source = "") { run_.problems.push_back({"", std::move(message), std::move(source)}); }
  void SetDefault(const char* flag, const std::string& value) {
    if (!run_.Has(flag)) run_.flags[flag] = {value};
  }

  void Show(const std::string& real, const std::string& name) {
    if (real.find(':') != std::string::npos) return Complain(Quoted(real) + " has a colon in its path, so that it cannot be shown to the run; move it");
    run_.flags["input"].push_back(fmt::format("{}:{}/{}", real, kShownAt, name));
  }

  // Where the run sees the notebook: in its work directory, else it is shown. Empty: it cannot be run.
  std::string NotebookPath() {
    if (!given_.command.empty() || given_.positional.size() != 1) {
      Complain("one notebook is needed: `fumehood notebook FILE.ipynb`; parameters are given with -p NAME=VALUE");
      return "";
    }
    const std::string& file = given_.positional[0];
    const bool named = file.ends_with(kEnding) && BaseName(file).size() > std::string_view(kEnding).size();
    if (!named) {
      Complain(fmt::format("{} is no notebook ({}); to run a command, put it behind --: `fumehood run -- {}`", Quoted(file), kEnding, file));
      return "";
    }
    const std::string real = RealPath(file);
    const auto info = FindStat(kHere, file, true);
    if (real.empty() || !info || !*info || !S_ISREG((*info)->st_mode)) {
      Complain(Quoted(file) + (real.empty() ? ": there is no such file" : " is not a file"));
      return "";
    }
    const std::string workdir = RealPath(given_.Has("workdir") ? given_.Value("workdir") : context_.submitter.cwd) + "/";
    if (real.starts_with(workdir) && real.ends_with(kEnding)) return real.substr(workdir.size());
    Show(real, BaseName(file));
    return fmt::format("{}/{}", kShownAt, BaseName(file));
  }

  std::string OutputPath(const std::string& stem) {
    if (!given_.Has("output-notebook")) return stem + ".executed" + kEnding;
    const std::string to = given_.Value("output-notebook");
    const std::vector<std::string> steps = Split(to, '/');
    const bool leaves = to.starts_with('/') || std::find(steps.begin(), steps.end(), "..") != steps.end();
    if (leaves) Complain(fmt::format("is {}; it is written in the run's copy of the work directory: name it relative to that", Quoted(to)), "--output-notebook");
    if (!to.ends_with(kEnding)) Complain(fmt::format("is {}; its name ends in {}", Quoted(to), kEnding), "--output-notebook");
    return to;
  }

  const Arguments& given_;  // these two are the caller's
  const Context& context_;
  Arguments run_;
};

Result<int> Notebook(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const Arguments run, AsRun(arguments, context).Make());
  return RunInForeground(run, context);
}

std::vector<Flag> NotebookFlags() {
  std::vector<Flag> flags = {
      {.name = "parameter", .letter = 'p', .value = "NAME=VALUE", .help = "Set in the notebook; numbers, true, null, [lists] and {maps} as YAML has them",
       .repeated = true},
      {.name = "parameters", .letter = 'f', .value = "FILE", .help = "The same from a YAML, JSON or TOML file; --parameter goes before it"},
      {.name = "output-notebook", .value = "NAME", .help = "The executed notebook, in the work directory; default: FILE.executed.ipynb"},
  };
  for (Flag flag : RunFlags()) {
    if (flag.letter == 'p') flag.letter = 0;
    flags.push_back(std::move(flag));
  }
  return flags;
}

}  // namespace

Command NotebookCommand() {
  return {.name = "notebook", .summary = "Execute a Jupyter notebook here and now, within the limits of the profile `notebook`",
          .positional = "FILE.ipynb", .flags = NotebookFlags(),
          .description = "Executed by the runtime's own nbclient and kernel. What a cell prints comes as it is printed; the executed\n"
                         "notebook and its figures (FILE-figures/cellN-1.png) are outputs, also where a cell failed: the note of the run\n"
                         "names that cell. Parameters go into a cell of their own behind the one tagged `parameters`, as papermill does\n"
                         "it. What `fumehood run --help` says of flags, output and exit codes is true here too.",
          .run = Notebook, .launches = true, .tells_problems = true};
}

}  // namespace fumehood
