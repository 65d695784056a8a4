#include "src/cli/spec_flags.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/parser.h"
#include "src/spec/field_path.h"
#include "src/spec/fields.h"
#include "src/spec/limits.h"
#include "src/spec/names.h"
#include "src/spec/parse.h"
#include "src/spec/problem_list.h"

namespace fumehood {
namespace {

std::string FieldOfFlag(const std::string& flag) {
  for (const FieldInfo& field : SpecFields()) {
    if (field.flag.substr(0, field.flag.find(' ')) == "--" + flag) return std::string(field.name);
  }
  return "";
}

std::string_view TopField(std::string_view path) { return path.substr(0, path.find_first_of(".[")); }

// Lays the flags over a spec, and keeps in mind which entries of its lists the file had.
class FlagReader {
 public:
  FlagReader(const Arguments& arguments, const Config& config, GivenSpec& given)
      : arguments_(arguments), config_(config), given_(given), spec_(given.spec) {}

  std::vector<Problem> Read() {
    Text("name", spec_.name);
    Text("runtime", spec_.runtime);
    Text("profile", spec_.profile);
    Text("executor", spec_.executor);
    Text("workdir", spec_.workdir);
    Text("stdin", spec_.stdin_path);
    Text("log", spec_.log_path);
    Text("provenance-dir", spec_.provenance_dir);
    if (arguments_.Has("memory")) spec_.memory_plan.reset();  // the same field of a file, in its other form
    Whole("memory", spec_.memory_limit_mb);
    Real("cpus", spec_.cpu_quota);
    Whole("pids", spec_.pids_limit);
    Whole("timeout", spec_.timeout_seconds);
    Whole("grace", spec_.grace_seconds);
    Whole("idle-timeout", spec_.idle_timeout_seconds);
    Whole("disk", spec_.disk_limit_mb);
    Whole("inodes", spec_.inode_limit);
    Whole("output-limit", spec_.output_limit_mb);
    WholeOr("gpus", spec_.gpus);
    WholeOr("priority", spec_.priority);
    Env();
    Inputs();
    Databases();
    Labels();
    Network();
    given_.outputs_in_file = spec_.outputs.size();
    given_.layers_in_file = spec_.allow_weaker.size();
    for (const std::string& glob : arguments_.Values("output")) spec_.outputs.push_back(glob);
    for (const std::string& layer : arguments_.Values("allow-weaker")) spec_.allow_weaker.push_back(layer);
    if (arguments_.Has("warm")) spec_.warm = true;
    if (arguments_.Has("deterministic")) spec_.deterministic = true;
    if (!arguments_.command.empty()) {
      spec_.command = arguments_.command;
      spec_.command_is_script = false;
    }
    return std::move(problems_);
  }

 private:
  void Complain(const std::string& flag, std::string message) { problems_.push_back({FieldOfFlag(flag), std::move(message), "--" + flag}); }

  void Text(const std::string& flag, std::string& field) {
    if (arguments_.Has(flag)) field = arguments_.Value(flag);
  }

  template <typename T>
  void Number(const std::string& flag, std::optional<T>& field, const char* what) {
    if (!arguments_.Has(flag)) return;
    const std::string text = arguments_.Value(flag);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) {
      field = value;
    } else if (error == std::errc::result_out_of_range) {
      Complain(flag, Quoted(text) + " is too large a number" + Allowed(flag));
    } else {
      Complain(flag, fmt::format("{} is no {}{}", Quoted(text), what, UnitHint(flag)));
    }
  }

  std::string Allowed(const std::string& flag) const {
    const LimitField* limit = FindLimitField(FieldOfFlag(flag));
    return limit == nullptr ? "" : "; allowed: " + RangeText(*limit, config_.maximum);
  }
  static std::string UnitHint(const std::string& flag) {
    const FieldInfo* field = FindSpecField(FieldOfFlag(flag));
    return field == nullptr || field->unit.empty() ? "" : fmt::format("; it is given in {}, without a unit", field->unit);
  }
  void Whole(const std::string& flag, std::optional<int64_t>& field) { Number(flag, field, "whole number"); }
  void Real(const std::string& flag, std::optional<double>& field) { Number(flag, field, "number"); }
  void WholeOr(const std::string& flag, int64_t& field) {
    std::optional<int64_t> given;
    Whole(flag, given);
    field = given.value_or(field);
  }

  // "KEY=VALUE"; an empty key is left to the rules of the spec.
  bool SplitPair(const std::string& flag, const std::string& text, std::string& key, std::string& value) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      Complain(flag, Quoted(text) + " has no =; it is written as NAME=VALUE");
      return false;
    }
    key = text.substr(0, equals);
    value = text.substr(equals + 1);
    return true;
  }

  void Env() {
    std::string key;
    std::string value;
    for (const std::string& text : arguments_.Values("env")) {
      if (SplitPair("env", text, key, value)) spec_.env[key] = value;
    }
    // The value of a secret never stands on a command line, where `ps` shows it: only where it comes from does.
    for (const std::string& text : arguments_.Values("secret")) {
      if (!SplitPair("secret", text, key, value)) continue;
      if (value.starts_with("env:")) {
        spec_.env[key] = SecretRef{SecretRef::From::kEnvironment, value.substr(4)};
      } else if (value.starts_with("file:")) {
        spec_.env[key] = SecretRef{SecretRef::From::kFile, value.substr(5)};
      } else {
        Complain("secret", Quoted(key) + " is written as NAME=file:PATH or NAME=env:VARIABLE");
      }
    }
  }

  void Labels() {
    std::string key;
    std::string value;
    for (const std::string& text : arguments_.Values("label")) {
      if (SplitPair("label", text, key, value)) spec_.labels[key] = value;
    }
  }

  static const std::string& PlaceOf(const InputSpec& input) { return input.to.empty() ? input.path : input.to; }

  // What the file lists stays, in front, but for entries in whose place a flag has put another. Returns their places in the file.
  template <typename T, typename Same>
  static std::vector<size_t> KeepOthers(const std::vector<T>& in_file, std::vector<T>& list, Same same) {
    std::vector<T> kept;
    std::vector<size_t> places;
    for (size_t i = 0; i < in_file.size(); ++i) {
      if (std::any_of(list.begin(), list.end(), [&](const T& flag) { return same(in_file[i], flag); })) continue;
      kept.push_back(in_file[i]);
      places.push_back(i);
    }
    list.insert(list.begin(), kept.begin(), kept.end());
    return places;
  }

  // PATH[:TO[:MODE]]; a path with a colon goes into a spec file.
  void Inputs() {
    const std::vector<InputSpec> in_file = std::exchange(spec_.inputs, {});
    for (const std::string& text : arguments_.Values("input")) {
      const std::vector<std::string> parts = Split(text, ':');
      InputSpec input{.path = parts[0]};
      std::string mode = parts.size() > 2 ? parts[2] : "ro";
      if (parts.size() > 1) input.to = parts[1];
      if (parts.size() > 3) {
        Complain("input", Quoted(text) + " has too many colons; it is written as PATH[:TO[:MODE]]");
      } else if (const auto known = ParseInputMode(mode)) {
        input.mode = *known;
      } else {
        Complain("input", fmt::format("{} is no mode; there are ro, cow and copy{}", Quoted(mode), NearestHint(mode, {"ro", "cow", "copy"})));
      }
      spec_.inputs.push_back(std::move(input));
    }
    given_.inputs_in_file = KeepOthers(in_file, spec_.inputs, [](const InputSpec& a, const InputSpec& b) { return PlaceOf(a) == PlaceOf(b); });
  }

  void Databases() {
    std::string name;
    std::string rest;
    const std::vector<DatabaseSpec> in_file = std::exchange(spec_.databases, {});
    for (const std::string& text : arguments_.Values("db")) {
      if (!SplitPair("db", text, name, rest)) continue;
      DatabaseSpec database{.name = name, .path = rest};
      const size_t colon = rest.rfind(':');
      if (colon != std::string::npos) {
        const std::string mode = rest.substr(colon + 1);
        database.path = rest.substr(0, colon);
        if (const auto known = ParseDatabaseMode(mode)) {
          database.mode = *known;
        } else {
          Complain("db", fmt::format("{} is no mode; there are snapshot and ro{}", Quoted(mode), NearestHint(mode, {"snapshot", "ro"})));
        }
      }
      spec_.databases.push_back(std::move(database));
    }
    given_.databases_in_file = KeepOthers(in_file, spec_.databases, [](const DatabaseSpec& a, const DatabaseSpec& b) { return a.name == b.name; });
  }

  void Network() {
    if (!arguments_.Has("network")) return;
    const std::string text = arguments_.Value("network");
    spec_.network = {};
    if (text == "host") {
      spec_.network.mode = NetworkMode::kHost;
    } else if (text.find(':') == std::string::npos && text != "none") {
      Complain("network", fmt::format("{} is no network; there are none and host{}", Quoted(text), NearestHint(text, {"none", "host"})));
    } else if (text != "none") {
      spec_.network.mode = NetworkMode::kAllow;
      spec_.network.allow = Split(text, ',');
    }
  }

  const Arguments& arguments_;  // these three are the caller's
  const Config& config_;
  GivenSpec& given_;
  AnalysisSpec& spec_;  // given_'s
  std::vector<Problem> problems_;
};

// "--env" for a problem of a variable that a flag has set; "" where the file did.
std::string FlagOfEntry(const Arguments& arguments, std::string_view top, std::string_view field, std::initializer_list<const char*> flags) {
  const FieldPath map = FieldPath::Top(top);
  for (const char* flag : flags) {
    for (const std::string& text : arguments.Values(flag)) {
      const std::string name = text.substr(0, text.find('='));
      if (IsWithinField(field, map.Key(name).ToString())) return std::string("--") + flag;
    }
  }
  return "";
}

// The number in "inputs[12].path"; SIZE_MAX where there is none.
size_t IndexIn(std::string_view field) {
  size_t index = SIZE_MAX;
  const size_t bracket = field.find('[');
  if (bracket != std::string_view::npos) (void)std::from_chars(field.data() + bracket + 1, field.data() + field.size(), index);
  return index;
}

// Reads the file, if one is named; what is wrong with that goes to `problems`. False: there is no telling what is to be run.
bool ReadBase(const Arguments& arguments, GivenSpec& given, std::vector<Problem>& problems) {
  const std::vector<std::string>& words = arguments.positional;
  const auto complain = [&](std::string message) {
    problems.push_back({"", std::move(message)});
    return false;
  };
  // What stood behind a flag that is none may be its value.
  if (!arguments.problems.empty() && !arguments.command.empty()) return true;
  if (words.size() > 1 || (!words.empty() && !arguments.command.empty())) {
    return complain(fmt::format("it is not clear what to run: {} stands before --. The analysis' command goes behind --, as in "
                                "`fumehood run -- python3 script.py`", Quoted(Join(words, " "))));
  }
  if (words.empty() && arguments.command.empty()) {
    return complain("nothing to run: give a command behind --, as in `fumehood run -- python3 script.py`, or a spec file");
  }
  if (words.empty()) return true;
  const auto format = FormatOfPath(words[0]);
  if (!format) {
    return complain(fmt::format("{} is no spec file (.yaml, .json, .toml); to run a command, put it behind --: `fumehood run -- {}`",
                                Quoted(words[0]), words[0]));
  }
  const auto text = ReadSpecText(words[0]);
  if (!text) return complain(text.error().message());
  given.file = ReadSpec(*text, *format, words[0]);
  given.spec = given.file->spec;
  problems.insert(problems.end(), given.file->problems.begin(), given.file->problems.end());
  return given.file->document.has_value();
}

Error AllProblems(const GivenSpec& given, std::vector<Problem> problems) {
  SortByPlace(problems);
  const auto in_file = [&](const Problem& problem) { return given.file && problem.source == given.file->source; };
  const bool any = std::any_of(problems.begin(), problems.end(), in_file);
  const bool all = std::all_of(problems.begin(), problems.end(), in_file);
  if (!any) return CommandLineError(given.arguments.command_name, std::move(problems));
  if (all) return ProblemsError(Quoted(given.file->source), std::move(problems));
  std::string message = fmt::format("{} and the command line have {} problems", Quoted(given.file->source), problems.size());
  return Error(std::move(message), std::move(problems));
}

}  // namespace

std::vector<Flag> SpecFlags() {
  return {
      {.name = "name", .letter = 'n', .value = "NAME", .help = "What people see; default: from the command"},
      {.name = "runtime", .letter = 'r', .value = "NAME", .help = "Software environment; default: python3"},
      {.name = "profile", .letter = 'p', .value = "NAME", .help = "Set of limits: default, notebook, post_process, tool"},
      {.name = "memory", .letter = 'm', .value = "MIB", .help = "Memory, swap included"},
      {.name = "cpus", .letter = 'c', .value = "N", .help = "Cores; 0.5 is half of one"},
      {.name = "pids", .value = "N", .help = "Processes and threads"},
      {.name = "timeout", .letter = 't', .value = "SECONDS", .help = "Wall clock; then SIGTERM, the grace, SIGKILL"},
      {.name = "grace", .value = "SECONDS", .help = "Between SIGTERM and SIGKILL"},
      {.name = "idle-timeout", .value = "SECONDS", .help = "End it when it does nothing for so long; 0: never"},
      {.name = "disk", .value = "MIB", .help = "What it may write"},
      {.name = "inodes", .value = "N", .help = "Files it may make"},
      {.name = "output-limit", .value = "MIB", .help = "Kept of stdout and of stderr, from both ends; 0: all"},
      {.name = "env", .letter = 'e', .value = "NAME=VALUE", .help = "Set in the run", .repeated = true},
      {.name = "secret", .value = "NAME=file:PATH|env:VAR", .help = "Set in the run, and recorded nowhere", .repeated = true},
      {.name = "input", .letter = 'i', .value = "PATH[:TO[:MODE]]", .help = "Shown to the run; MODE ro, cow or copy", .repeated = true},
      {.name = "output", .letter = 'o', .value = "GLOB", .help = "File that it must make; default: none, and all it writes is kept", .repeated = true},
      {.name = "db", .value = "NAME=PATH[:MODE]", .help = "SQLite database as $FUMEHOOD_DB_NAME; MODE snapshot or ro", .repeated = true},
      {.name = "network", .value = "none|host", .help = "Default: none"},
      {.name = "label", .letter = 'l', .value = "NAME=VALUE", .help = "For finding it again", .repeated = true},
      {.name = "workdir", .letter = 'w', .value = "PATH", .help = "Where it starts, seen through copy-on-write; default: here"},
      {.name = "stdin", .value = "PATH", .help = "File that it reads as standard input"},
      {.name = "log", .value = "PATH", .help = "An extra copy of the execution log"},
      {.name = "provenance-dir", .value = "PATH", .help = "Where its provenance is written (not in this version)"},
      {.name = "gpus", .value = "N", .help = "Graphics processors (not in this version)"},
      {.name = "priority", .value = "N", .help = "Among waiting runs the higher start first (default: 0)"},
      {.name = "executor", .value = "NAME", .help = "Where it runs; default: as configured"},
      {.name = "allow-weaker", .value = "LAYER", .help = "Go on without this layer where this host cannot do it (see doctor)", .repeated = true},
      {.name = "warm", .help = "Start in an interpreter that waits with its packages loaded, where one does (docs/warm.md)"},
      {.name = "deterministic", .help = "Fix what makes results differ (not in this version)"},
  };
}

void GivenSpec::Place(Problem& problem) const {
  const std::string_view top = TopField(problem.field);
  const size_t index = IndexIn(problem.field);
  const auto flag = [&](const char* name) { problem.source = std::string("--") + name; };
  const auto of_list = [&](const std::vector<size_t>& in_file, const char* name) {
    if (index >= in_file.size()) return flag(name);
    // In the file it may stand further down: others of it were replaced.
    const size_t end = problem.field.find(']');
    problem.field = fmt::format("{}[{}{}", top, in_file[index], problem.field.substr(end));
    file->Place(problem);
  };
  if (top == "inputs" && index != SIZE_MAX) return of_list(inputs_in_file, "input");
  if (top == "databases" && index != SIZE_MAX) return of_list(databases_in_file, "db");
  if (top == "outputs" && index != SIZE_MAX && index >= outputs_in_file) return flag("output");
  if (top == "allow_weaker" && index != SIZE_MAX && index >= layers_in_file) return flag("allow-weaker");
  if (top == "env") problem.source = FlagOfEntry(arguments, top, problem.field, {"env", "secret"});
  if (top == "labels") problem.source = FlagOfEntry(arguments, top, problem.field, {"label"});
  if (top == "command" && !arguments.command.empty()) return;  // what stands behind -- has no name
  for (const Flag& one : SpecFlags()) {
    if (!one.repeated && arguments.Has(one.name) && FieldOfFlag(one.name) == top) return flag(one.name.c_str());
  }
  if (problem.source.empty() && file) file->Place(problem);
}

Error GivenSpec::Placed(Error error) const {
  if (error.problems().empty()) return error;
  std::vector<Problem> problems = error.problems();
  for (Problem& problem : problems) Place(problem);
  return AllProblems(*this, std::move(problems));
}

Result<GivenSpec> SpecFromArguments(const Arguments& arguments, const Config& config, const Submitter& submitter,
                                    std::vector<Problem> problems) {
  GivenSpec given;
  given.arguments = arguments;
  problems.insert(problems.begin(), arguments.problems.begin(), arguments.problems.end());
  const bool known = ReadBase(arguments, given, problems);
  for (Problem& problem : FlagReader(arguments, config, given).Read()) problems.push_back(std::move(problem));
  if (problems.empty()) return given;
  // Nothing will be run: what else is wrong is looked for now, so that all of it is told at once.
  const auto resolved = known ? Resolve(given.spec, config, submitter) : Result<ResolvedRun>(ResolvedRun());
  if (!resolved) {
    for (Problem problem : resolved.error().problems()) {
      given.Place(problem);
      const bool of_file = given.file && problem.source == given.file->source;
      if (!of_file || !given.file->Explains(problem)) problems.push_back(std::move(problem));
    }
  }
  return AllProblems(given, std::move(problems));
}

}  // namespace fumehood
