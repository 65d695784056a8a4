// Rules on paths look at the text alone; what is really there is found when the paths are opened, with the submitter's
// identity and beneath a directory, since a path that looks harmless can be a link.
#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/rules.h"

namespace fumehood {
namespace {

constexpr size_t kMaxPathBytes = 4095;  // PATH_MAX without its NUL

// The hood makes these itself; an input on top of one could replace the programs that everything relies on.
constexpr const char* kSystemDirs[] = {"/usr", "/etc", "/proc", "/dev",  "/sys",      "/bin",
                                       "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/run", "/fumehood"};

void CheckPath(const std::string& path, const FieldPath& field, bool needed, ProblemList& problems) {
  if (needed && path.empty()) problems.Add(field.ToString(), "is empty; a path is needed");
  if (path.size() > kMaxPathBytes) {
    problems.Add(field.ToString(), fmt::format("is {} bytes long; a path has at most {}", path.size(), kMaxPathBytes));
  }
}

// As src/record/glob.cc reads it: a set ends at a ] that is not its first character, before the next slash.
bool HasOpenSet(std::string_view glob) {
  for (size_t i = 0; i < glob.size(); ++i) {
    if (glob[i] == '\\') {
      ++i;
    } else if (glob[i] == '[') {
      size_t first = i + 1;
      if (first < glob.size() && (glob[first] == '!' || glob[first] == '^')) ++first;
      const size_t end = glob.find_first_of("]/", first + 1);
      if (end == std::string_view::npos || glob[end] == '/' || glob[first] == '/') return true;
      i = end;
    }
  }
  return false;
}

bool HasParentStep(const std::string& path) {
  const std::vector<std::string> steps = Split(path, '/');
  return std::find(steps.begin(), steps.end(), "..") != steps.end();
}

// "/a//b/./x/../c" -> "/a/b/c/", "./a" -> "a/", "." -> "./": with one slash at the end, so that a path is beneath another when
// it begins with it.
std::string AsPrefix(const std::string& path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string> steps;
  for (std::string& step : Split(path, '/')) {
    if (step.empty() || step == ".") continue;
    const bool back = step == ".." && (absolute || (!steps.empty() && steps.back() != ".."));
    if (!back) {
      steps.push_back(std::move(step));
    } else if (!steps.empty()) {  // above the root is the root
      steps.pop_back();
    }
  }
  if (steps.empty()) return absolute ? "/" : "./";
  return (absolute ? "/" : "") + Join(steps, "/") + "/";
}

// Where the run sees the input.
const std::string& TargetOf(const InputSpec& input) { return input.to.empty() ? input.path : input.to; }

std::string SystemDirAround(const std::string& target) {
  const std::string prefix = AsPrefix(target);
  for (const char* dir : kSystemDirs) {
    if (prefix.starts_with(std::string(dir) + "/")) return dir;
  }
  return "";
}

void CheckTarget(const InputSpec& input, const FieldPath& path, ProblemList& problems) {
  const std::string& target = TargetOf(input);
  const FieldPath field = path.Key(input.to.empty() ? "path" : "to");
  if (!input.to.empty() && HasParentStep(input.to)) {
    problems.Add(field.ToString(), fmt::format("is {}; `..` is not allowed here", ShortQuoted(input.to)));
    return;
  }
  if (target.empty()) return;
  const std::string prefix = AsPrefix(target);
  if (prefix == "/" || (prefix == "./" && !input.to.empty())) {
    problems.Add(field.ToString(), fmt::format("is {}; an input cannot take the place of {}", ShortQuoted(target),
                                               prefix == "/" ? "the whole file system" : "the work directory"));
  } else if (const std::string dir = SystemDirAround(target); !dir.empty()) {
    problems.Add(field.ToString(),
                 fmt::format("is {}, which lies in {}, a directory of the system: {}", ShortQuoted(target), dir,
                             input.to.empty() ? "name another place for it in `to`" : "choose another place"));
  }
}

}  // namespace

void PathsAreUsable(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  CheckPath(spec.stdin_path, FieldPath::Top("stdin"), false, problems);
  CheckPath(spec.workdir, FieldPath::Top("workdir"), false, problems);
  CheckPath(spec.provenance_dir, FieldPath::Top("provenance_dir"), false, problems);
  CheckPath(spec.log_path, FieldPath::Top("log_path"), false, problems);
  CheckPath(spec.checkpoint_dir, FieldPath::Top("checkpoint_dir"), false, problems);
  const FieldPath inputs = FieldPath::Top("inputs");
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const FieldPath input = inputs.Item(i);
    CheckPath(spec.inputs[i].path, input.Key("path"), true, problems);
    CheckPath(spec.inputs[i].to, input.Key("to"), false, problems);
  }
  const FieldPath databases = FieldPath::Top("databases");
  for (size_t i = 0; i < spec.databases.size(); ++i) {
    const FieldPath database = databases.Item(i);
    CheckPath(spec.databases[i].path, database.Key("path"), true, problems);
  }
}

void OutputsStayInWorkdir(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath outputs = FieldPath::Top("outputs");
  for (size_t i = 0; i < spec.outputs.size(); ++i) {
    const std::string& glob = spec.outputs[i];
    const FieldPath field = outputs.Item(i);
    CheckPath(glob, field, true, problems);
    if (glob.starts_with('/')) {
      problems.Add(field.ToString(), fmt::format("is {}; an output is named relative to the work directory", ShortQuoted(glob)));
    } else if (HasParentStep(glob)) {
      problems.Add(field.ToString(), fmt::format("is {}; an output lies in the work directory, so `..` is not allowed", ShortQuoted(glob)));
    } else if (HasOpenSet(glob)) {
      problems.Add(field.ToString(), fmt::format("is {}, with a [ that no ] closes; for the character itself write \\[", ShortQuoted(glob)));
    }
  }
}

void InputTargetsAreFree(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath inputs = FieldPath::Top("inputs");
  for (size_t i = 0; i < spec.inputs.size(); ++i) CheckTarget(spec.inputs[i], inputs.Item(i), problems);
}

void InputTargetsAreApart(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  struct Target {
    std::string prefix;
    size_t index;
  };
  std::vector<Target> targets;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (!TargetOf(spec.inputs[i]).empty()) targets.push_back({AsPrefix(TargetOf(spec.inputs[i])), i});
  }
  // Sorted, whatever lies beneath a target follows it directly.
  std::stable_sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) { return a.prefix < b.prefix; });
  const FieldPath inputs = FieldPath::Top("inputs");
  for (size_t i = 1, around = 0; i < targets.size(); ++i) {
    if (!targets[i].prefix.starts_with(targets[around].prefix)) {
      around = i;
      continue;
    }
    const FieldPath field = inputs.Item(targets[i].index);
    const bool same = targets[i].prefix == targets[around].prefix;
    problems.Add(field.ToString(), fmt::format("{} inputs[{}] at {}: give one of them another place with `to`",
                                               same ? "takes the same place as" : "lies inside", targets[around].index,
                                               ShortQuoted(TargetOf(spec.inputs[targets[around].index]))));
  }
}

void DatabaseNamesAreVariables(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  std::map<std::string, size_t> seen;
  const FieldPath databases = FieldPath::Top("databases");
  for (size_t i = 0; i < spec.databases.size(); ++i) {
    const std::string& name = spec.databases[i].name;
    const FieldPath database = databases.Item(i);
    const std::string field = database.Key("name").ToString();
    if (!IsVariableName(name)) {
      problems.Add(field, fmt::format("is {}; allowed: letters, digits and _, not a digit first, at most 255", ShortQuoted(name)));
      continue;
    }
    std::string upper = name;
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    const auto [first, added] = seen.emplace(upper, i);
    if (!added) {
      problems.Add(field, fmt::format("is {}: both it and databases[{}] would be FUMEHOOD_DB_{}", ShortQuoted(name), first->second, upper));
    }
  }
}

}  // namespace fumehood
