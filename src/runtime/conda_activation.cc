#include "src/runtime/conda_activation.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/conda_discovery.h"
#include "src/runtime/foreign_json.h"
#include "src/runtime/prefix_file.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxStateBytes = size_t{1} << 20;  // a file of variables: some hundred bytes in life
constexpr const char* kScripts = "etc/conda/activate.d";
constexpr const char* kVariables = "etc/conda/env_vars.d";
constexpr const char* kState = "conda-meta/state";
constexpr std::string_view kUnset = "***unset***";  // what `conda env config vars unset` leaves

// Marks in the dump. An environment's entry always has a '=', so none is taken for one.
constexpr std::string_view kBegin = "begin";
constexpr std::string_view kEnvironment = "environment";
constexpr std::string_view kComplete = "complete";

// Neither -e nor -u: many scripts of packages read variables that are not set and run commands that fail, and conda's own shell
// takes both (`|| :` holds also where a script says `set -e`). Each script is sourced at the top, in one shell, as its successors may use its variables and functions. Its output
// is moved out of the way, and the dump's descriptor is not its own: a program that it leaves behind would hold it open.
//
// A script that hangs is ended by a watch of its own. The watch is nobody's child, so that a script's `wait` does not wait for it;
// it listens to a pipe, and reads a line when the script is done, or its end when the shell is.
constexpr const char* kProgram = R"bash(
__fumehood_seconds=$1
shift
__fumehood_scripts=("$@")
set --
for __fumehood_script in "${__fumehood_scripts[@]}"; do
  printf 'begin\0%s\0' "$__fumehood_script" >&3
  exec {__fumehood_done}> >(
    exec 3>&- 9<&0
    ( IFS= read -r -t "$__fumehood_seconds" -u 9; [ $? -le 128 ] || kill -KILL $$ ) 0</dev/null 1>&2 &
  )
  . "$__fumehood_script" 0</dev/null 1>&2 3>&- || :
  set +eu
  echo >&"$__fumehood_done"
  exec {__fumehood_done}>&-
done
unset __fumehood_seconds __fumehood_scripts __fumehood_script __fumehood_done
printf 'environment\0' >&3
/usr/bin/env -0 >&3 && printf 'complete\0' >&3
)bash";

bool IsIdentifier(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

// What bash keeps for itself and starts anew in every process.
bool IsBashsOwn(std::string_view name) {
  return name == "_" || name == "PWD" || name == "OLDPWD" || name == "SHLVL" || name.starts_with("__fumehood_");
}

bool IsCondas(std::string_view name) {
  return name.starts_with("CONDA_") || name.starts_with("__CONDA_SHLVL_") || name == "_CE_M" || name == "_CE_CONDA";
}

std::string Upper(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

using Variables = std::vector<std::pair<std::string, std::string>>;  // in the order in which they are set

Result<void> AddVariables(const ForeignJson& object, const std::string& file, Variables& variables) {
  Result<void> good;
  object.ForEachMember([&](std::string_view key, const ForeignJson& value) {
    const std::string name(key);
    if (!good) return;
    if (name.empty() || name.find_first_of(std::string("=\0", 2)) != std::string::npos || value.text().find('\0') != std::string::npos) {
      good = Error(ErrorCode::kCorrupt, fmt::format("{} names the variable {}, which no environment can hold", Quoted(file), Quoted(name)));
      return;
    }
    if (!value.is_text() && !value.integer()) {
      good = Error(ErrorCode::kCorrupt,
                   fmt::format("{} gives {} a value that is no text; set it again with `conda env config vars set`", Quoted(file), Quoted(name)));
      return;
    }
    const std::string text = value.is_text() ? std::string(value.text()) : fmt::format("{}", *value.integer());
    std::erase_if(variables, [&](const auto& variable) { return variable.first == name; });
    variables.emplace_back(name, text);
  });
  return good;
}

Result<ForeignJson> ParseObject(const std::string& path, const std::string& content) {
  auto parsed = ForeignJson::Parse(content);
  if (!parsed) return std::move(parsed).error().Within(Quoted(path));
  if (!parsed->is_object()) return Error(ErrorCode::kCorrupt, Quoted(path) + " is not a JSON object");
  return parsed;
}

// Of the packages first, then of the user, who wins.
Result<Variables> ReadVariables(int prefix) {
  Variables variables;
  FH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesBeneath(prefix, kVariables));
  for (const std::string& name : names) {
    const std::string path = std::string(kVariables) + "/" + name;
    FH_ASSIGN_OR_RETURN(const auto text, FindFileBeneath(prefix, path, kMaxStateBytes));
    if (!text) continue;
    FH_ASSIGN_OR_RETURN(const ForeignJson object, ParseObject(path, *text));
    FH_TRY(AddVariables(object, path, variables));
  }
  FH_ASSIGN_OR_RETURN(const auto state, FindFileBeneath(prefix, kState, kMaxStateBytes));
  if (state) {
    FH_ASSIGN_OR_RETURN(const ForeignJson object, ParseObject(kState, *state));
    FH_TRY(AddVariables(object.Member("env_vars"), kState, variables));
  }
  std::erase_if(variables, [](const auto& variable) { return variable.second == kUnset; });
  return variables;
}

Result<Fd> OpenPrefix(const std::string& prefix) {
  FH_ASSIGN_OR_RETURN(Fd fd, OpenDir(kHere, prefix));
  FH_ASSIGN_OR_RETURN(const auto history, FindStat(fd.get(), "conda-meta/history", true));
  if (!history) return Error(ErrorCode::kNotFound, Quoted(prefix) + " is no conda environment: it has no conda-meta/history");
  return fd;
}

Error ScriptFailure(std::string_view script) {
  return Error(ErrorCode::kUnavailable,
               fmt::format("the activation script {} did not come to its end: it took longer than {} s, or ended the shell by `exit` or "
                           "`exec`; mend it or remove it",
                           Quoted(script), kTimePerScript.count()));
}

}  // namespace

Environment Apply(const EnvironmentDifference& difference, Environment base) {
  for (const std::string& name : difference.unset) base.erase(name);
  for (const auto& [name, value] : difference.set) base[name] = value;
  return base;
}

Result<EnvironmentDifference> StaticActivation(const ActivationInput& input) {
  FH_ASSIGN_OR_RETURN(const Fd prefix, OpenPrefix(input.prefix));
  FH_ASSIGN_OR_RETURN(const Variables variables, ReadVariables(prefix.get()));
  const std::string name = CondaName(input.prefix, input.is_base);
  const auto old_path = input.base.find("PATH");

  EnvironmentDifference difference;
  for (const auto& [existing, value] : input.base) {
    if (IsCondas(existing)) difference.unset.insert(existing);
  }
  std::vector<std::string> path{input.prefix + "/bin"};
  if (!input.conda_root.empty()) path.push_back(input.conda_root + "/condabin");
  if (old_path != input.base.end() && !old_path->second.empty()) path.push_back(old_path->second);
  auto& set = difference.set;
  set["PATH"] = Join(path, ":");
  set["CONDA_PREFIX"] = input.prefix;
  set["CONDA_SHLVL"] = "1";
  set["CONDA_DEFAULT_ENV"] = name;
  set["CONDA_PROMPT_MODIFIER"] = "(" + name + ") ";
  if (!input.conda_root.empty()) {
    set["CONDA_EXE"] = input.conda_root + "/bin/conda";
    set["CONDA_PYTHON_EXE"] = input.conda_root + "/bin/python";
    set["_CE_M"] = "";
    set["_CE_CONDA"] = "";
  }
  for (const auto& [written, value] : variables) {
    const std::string upper = Upper(written);
    if (upper == "PATH") continue;  // reserved: conda says so and passes it over
    const auto before = input.base.find(written);
    if (before != input.base.end() && before->second != value) set["__CONDA_SHLVL_0_" + upper] = before->second;
    set[upper] = value;
  }
  for (const auto& [changed, value] : set) difference.unset.erase(changed);
  return difference;
}

Result<std::vector<std::string>> ActivationScripts(const std::string& prefix) {
  FH_ASSIGN_OR_RETURN(const Fd fd, OpenPrefix(prefix));
  FH_ASSIGN_OR_RETURN(std::vector<std::string> names, NamesBeneath(fd.get(), kScripts));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".sh"); });
  for (std::string& name : names) name = fmt::format("{}/{}/{}", prefix, kScripts, name);
  return names;
}

ActivationScript PlanActivation(const std::vector<std::string>& scripts, Environment environment, std::chrono::seconds time_per_script) {
  ActivationScript plan;
  plan.argv = {"bash", "--noprofile", "--norc", "-c", kProgram, "bash", fmt::format("{}", time_per_script.count())};
  plan.argv.insert(plan.argv.end(), scripts.begin(), scripts.end());
  plan.environment = std::move(environment);
  // bash reads these before the first line of a program.
  for (const char* name : {"BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS"}) plan.environment.erase(name);
  plan.time_limit = time_per_script * (scripts.size() + 1);
  return plan;
}

Result<EnvironmentDifference> ParseActivationDump(std::string_view dump, const Environment& before) {
  EnvironmentDifference difference;
  std::string_view script;
  Environment after;
  bool in_environment = false;
  bool complete = false;
  const auto next = [&dump]() -> std::optional<std::string_view> {
    const size_t end = dump.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view item = dump.substr(0, end);
    dump.remove_prefix(end + 1);
    return item;
  };
  while (const auto item = next()) {
    if (in_environment && item->find('=') == std::string_view::npos) {
      complete = *item == kComplete && dump.empty();
      break;
    }
    if (in_environment) {
      const size_t equals = item->find('=', 1);  // a name may begin with one, and is then nobody's variable
      if (equals != std::string_view::npos) after[std::string(item->substr(0, equals))] = item->substr(equals + 1);
    } else if (*item == kBegin) {
      script = next().value_or("");
    } else if (*item == kEnvironment) {
      in_environment = true;
    } else {
      return Error(ErrorCode::kCorrupt, "the dump of an activation begins with " + Quoted(item->substr(0, 40)));
    }
  }
  if (!in_environment && !script.empty()) return ScriptFailure(script);
  if (!complete) return Error(ErrorCode::kUnavailable, "bash ended before it could say what the activation scripts did");
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    if (!IsBashsOwn(name) && (old == before.end() || old->second != value)) difference.set[name] = value;
  }
  for (const auto& [name, value] : before) {
    // bash keeps names that it cannot have as variables to itself, and so no script can have removed one.
    if (!after.contains(name) && IsIdentifier(name) && !IsBashsOwn(name)) difference.unset.insert(name);
  }
  return difference;
}

Result<EnvironmentDifference> ActivateConda(const ActivationInput& input, const RunActivation& run) {
  FH_ASSIGN_OR_RETURN(EnvironmentDifference difference, StaticActivation(input));
  FH_ASSIGN_OR_RETURN(const std::vector<std::string> scripts, ActivationScripts(input.prefix));
  if (scripts.empty()) return difference;
  const ActivationScript plan = PlanActivation(scripts, Apply(difference, input.base));
  auto dump = run(plan);
  if (!dump) return std::move(dump).error().Within("activate " + Quoted(input.prefix));
  auto more = ParseActivationDump(*dump, plan.environment);
  if (!more) return std::move(more).error().Within("activate " + Quoted(input.prefix));
  for (const std::string& name : more->unset) {
    difference.set.erase(name);
    if (input.base.contains(name)) difference.unset.insert(name);
  }
  for (auto& [name, value] : more->set) {
    difference.unset.erase(name);
    difference.set[name] = std::move(value);
  }
  return difference;
}

}  // namespace fumehood
