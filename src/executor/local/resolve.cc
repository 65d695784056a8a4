#include "src/executor/local/resolve.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/hood/kernel_calls.h"
#include "src/hood/tree_layout.h"
#include "src/runtime/find_runtime.h"
#include "src/spec/field_path.h"
#include "src/spec/limits.h"
#include "src/spec/print.h"
#include "src/spec/validate.h"
#include "src/sys/file.h"
#include "src/sys/privilege.h"

namespace fumehood {
namespace {

constexpr const char* kDatabaseDir = "/fumehood/db";

FileIdentity IdentityOfFile(const struct stat& info) {
  return {.device = info.st_dev, .inode = info.st_ino, .owner_uid = info.st_uid, .owner_gid = info.st_gid,
          .is_directory = S_ISDIR(info.st_mode)};
}

bool IsBeneath(const std::string& path, const std::string& directory) {
  const std::string with_slash = directory.ends_with('/') ? directory : directory + "/";
  return path == directory || path.starts_with(with_slash);
}

std::string UpperCase(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

class Resolver {
 public:
  Resolver(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const Runtime* runtime)
      : config_(config), submitter_(submitter), given_runtime_(runtime) {
    run_.spec = spec;
  }

  Result<ResolvedRun> Run() {
    problems_ = ValidateAll(run_.spec, config_);
    TakeIdentity();
    ResolveRuntime();
    ResolveCommand();
    ResolveWorkdir();
    ShowRuntime();
    ResolveInputs();
    ResolveDatabases();
    CheckTargets();
    ResolvePaths();
    ResolveSecrets();
    if (problems_.empty()) MakeEnv();
    if (!problems_.empty()) return Error("the spec has problems", std::move(problems_));
    return std::move(run_);
  }

 private:
  void Complain(std::string field, std::string message) { problems_.push_back({std::move(field), std::move(message), "", 0, 0}); }

  // What the rules of a spec have refused is not looked for on disk as well.
  bool IsRefused(const std::string& field) const {
    return std::any_of(problems_.begin(), problems_.end(), [&](const Problem& problem) { return problem.field == field; });
  }

  void TakeIdentity() {
    run_.limits = ResolveLimits(run_.spec, config_);
    run_.by_root = IsPrivileged();
    const bool plain_user = geteuid() != 0;
    run_.uid_inside = plain_user ? geteuid() : 1000;
    run_.gid_inside = plain_user ? getegid() : 1000;
  }

  void ResolveRuntime() {
    if (IsRefused("runtime")) return;
    auto runtime = given_runtime_ != nullptr ? Result<Runtime>(*given_runtime_) : FindRuntime(Catalog(config_.state_dir), run_.spec.runtime, config_.quarantine_runtimes);
    if (!runtime) return Complain("runtime", runtime.error().message());
    run_.runtime = std::move(runtime).value();
    if (run_.runtime.kind != RuntimeKind::kRootfs) return;
    auto tree = FindTreeLayout(run_.runtime.location);
    if (!tree) return Complain("runtime", fmt::format("{}: {}", run_.runtime.name, tree.error().message()));
    run_.tree = std::move(tree).value();
  }

  // The system's interpreter of commands is everywhere; an image has what was put into it.
  bool HasInRuntime(const std::string& program) const {
    if (!run_.tree) return true;
    const auto& path = run_.runtime.path;
    return std::any_of(path.begin(), path.end(), [&](const std::string& directory) {
      return HasExecutable(run_.runtime.location, directory + "/" + program);
    });
  }

  // The directories that it lies in, where neither the system nor the work directory shows them anyway.
  void ShowRuntime() {
    for (const std::string& directory : run_.runtime.shown) {
      if (!run_.workdir.empty() && IsBeneath(directory, run_.workdir)) continue;
      Showing showing;
      mode_t mode = 0;
      if (!Locate("runtime", directory, &showing.source, &showing.identity, &mode)) continue;
      if (!S_ISDIR(mode)) {
        Complain("runtime", fmt::format("the runtime {} lies in {}, which is not a directory", run_.runtime.name, Quoted(directory)));
        continue;
      }
      showing.target = directory;
      run_.runtime_showings.push_back(std::move(showing));
    }
  }

  void ResolveCommand() {
    if (run_.spec.command.empty()) return;
    run_.argv = run_.spec.command;
    if (run_.spec.command_is_script && !HasInRuntime("bash")) {
      Complain("command", fmt::format("is one text, which bash runs, and the runtime {} has no bash; give the command as a list of words, "
                                      "such as [\"sh\", \"-c\", ...]", Quoted(run_.runtime.name)));
    }
    if (run_.spec.command_is_script) run_.argv = {"bash", "-euo", "pipefail", "-c", run_.spec.command[0]};
    if (run_.spec.name.empty()) {
      const std::string& first = run_.spec.command_is_script ? run_.argv[0] : run_.spec.command[0];
      const std::string path = first.substr(0, first.find_last_not_of('/') + 1);
      run_.spec.name = path.empty() ? first : path.substr(path.rfind('/') + 1);
    }
  }

  std::string Absolute(const std::string& path) const { return path.starts_with('/') ? path : submitter_.cwd + "/" + path; }

  // The real path, without links, and what lies there. Opened with O_PATH: no FIFO blocks and no device wakes.
  bool Locate(const std::string& field, const std::string& path, std::string* real, FileIdentity* identity, mode_t* mode) {
    if (IsRefused(field)) return false;
    const auto fd = OpenAt(kHere, Absolute(path), O_PATH);
    if (!fd) {
      Complain(field, fmt::format("{}: {}", Quoted(path), fd.error().code() == ErrorCode::kNotFound
                                                              ? "there is no such file or directory"
                                                              : fd.error().message()));
      return false;
    }
    const auto info = StatFd(*fd);
    char buffer[PATH_MAX];
    const ssize_t length = readlink(ProcFdPath(fd->get()).c_str(), buffer, sizeof buffer);
    if (!info || length <= 0) {
      Complain(field, fmt::format("{}: cannot be looked at", Quoted(path)));
      return false;
    }
    *real = std::string(buffer, static_cast<size_t>(length));
    if (real->find('\n') != std::string::npos) {
      Complain(field, fmt::format("{} lies in a directory with a line break in its name, which no run is shown; rename it", Quoted(*real)));
      return false;
    }
    *identity = IdentityOfFile(*info);
    *mode = info->st_mode;
    return true;
  }

  void ResolveWorkdir() {
    const bool named = !run_.spec.workdir.empty();
    const std::string wanted = named ? run_.spec.workdir : submitter_.cwd;
    mode_t mode = 0;
    if (!Locate("workdir", wanted, &run_.workdir, &run_.workdir_identity, &mode)) return;
    if (!S_ISDIR(mode)) return Complain("workdir", Quoted(wanted) + " is not a directory");
    if (access(run_.workdir.c_str(), R_OK | X_OK) != 0) return Complain("workdir", Quoted(wanted) + " cannot be read by you");
    if (run_.workdir == "/") return Complain("workdir", "the whole file system cannot be a work directory; name a project directory");
    for (const char* system : {"/usr", "/etc", "/dev", "/proc", "/sys", "/bin", "/sbin", "/lib", "/lib64", "/run", "/boot", "/fumehood"}) {
      if (IsBeneath(run_.workdir, system)) {
        return Complain("workdir", fmt::format("{} belongs to the system; name a project directory", Quoted(run_.workdir)));
      }
    }
    if (run_.workdir == "/tmp" || run_.workdir == "/home" || run_.workdir == "/var") {
      return Complain("workdir", fmt::format("{} is shared by everybody; name a project directory in it", Quoted(run_.workdir)));
    }
    if (named) return;  // named on purpose: the rest is the submitter's choice
    if (run_.workdir == HomeDirectory()) {
      Complain("workdir", "this is your home directory, with all your files and keys; change into a project directory, or name it "
                          "on purpose with --workdir");
    } else if (IsBeneath(config_.state_dir, run_.workdir)) {
      Complain("workdir", fmt::format("{} holds Fumehood's own state; change into a project directory, or name it on purpose with "
                                      "--workdir", Quoted(run_.workdir)));
    }
  }

  std::string HomeDirectory() const {
    const auto home = submitter_.env.find("HOME");
    if (home == submitter_.env.end()) return "";
    char real[PATH_MAX];
    return realpath(home->second.c_str(), real) != nullptr ? real : home->second;
  }

  void ResolveInputs() {
    for (size_t i = 0; i < run_.spec.inputs.size(); ++i) {
      const InputSpec& input = run_.spec.inputs[i];
      const std::string field = fmt::format("inputs[{}].path", i);
      Showing showing;
      mode_t mode = 0;
      if (!Locate(field, input.path, &showing.source, &showing.identity, &mode)) continue;
      if (!S_ISDIR(mode) && !S_ISREG(mode)) {
        Complain(field, fmt::format("{} is a device, a pipe or a socket: those are never shown to a run", Quoted(input.path)));
        continue;
      }
      if (access(showing.source.c_str(), R_OK) != 0) {
        Complain(field, Quoted(input.path) + " cannot be read by you");
        continue;
      }
      showing.target = Target(input, showing.source);
      showing.how = input.mode == InputMode::kReadOnly ? Showing::How::kReadOnly
                    : input.mode == InputMode::kCopyOnWrite ? Showing::How::kCopyOnWrite : Showing::How::kOwn;
      run_.inputs.push_back(std::move(showing));
    }
  }

  std::string Target(const InputSpec& input, const std::string& source) const {
    if (input.to.empty()) return source;
    return input.to.starts_with('/') ? input.to : run_.workdir + "/" + input.to;
  }

  void ResolveDatabases() {
    for (size_t i = 0; i < run_.spec.databases.size(); ++i) {
      const DatabaseSpec& database = run_.spec.databases[i];
      const std::string field = fmt::format("databases[{}].path", i);
      ResolvedDatabase resolved{.name = database.name, .mode = database.mode};
      mode_t mode = 0;
      if (!Locate(field, database.path, &resolved.source, &resolved.identity, &mode)) continue;
      if (!S_ISREG(mode)) {
        Complain(field, Quoted(database.path) + " is not a file");
        continue;
      }
      if (access(resolved.source.c_str(), R_OK) != 0) {
        Complain(field, Quoted(database.path) + " cannot be read by you");
        continue;
      }
      if (database.mode == DatabaseMode::kReadOnly) CheckQuiet(field, database.path, resolved.source);
      if (database.mode == DatabaseMode::kSnapshot) CheckIsSqlite(field, database.path, resolved.source);
      resolved.target = fmt::format("{}/{}", kDatabaseDir, database.name);
      resolved.path = resolved.target + resolved.source.substr(resolved.source.rfind('/'));
      run_.databases.push_back(std::move(resolved));
    }
  }

  // A snapshot is taken by SQLite itself. An empty file is a database without tables.
  void CheckIsSqlite(const std::string& field, const std::string& path, const std::string& real) {
    constexpr std::string_view kMagic("SQLite format 3\0", 16);
    const auto file = OpenAt(kHere, real, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    char head[16];
    const ssize_t got = file ? pread(file->get(), head, sizeof head, 0) : 0;
    if (got == 0 || (got > 0 && std::string_view(head, static_cast<size_t>(got)) == kMagic)) return;
    Complain(field, Quoted(path) + " is no SQLite database; show any other file as an input");
  }

  // Beside a -wal or a -journal that holds something the file alone is half of the database.
  void CheckQuiet(const std::string& field, const std::string& path, const std::string& real) {
    for (const char* suffix : {"-wal", "-journal"}) {
      const auto beside = FindStat(kHere, real + suffix, false);
      if (beside && *beside && (*beside)->st_size > 0) {
        Complain(field, fmt::format("{} cannot be shown as it is: its last changes lie in {}, and not yet in itself; try mode snapshot",
                                    Quoted(path), Quoted(path + suffix)));
      }
    }
  }

  // In the directories of a root file system only what is there can be covered: said now, and not when the hood fails to.
  void CheckTargets() {
    if (!run_.tree) return;
    const auto check = [&](const std::string& field, const std::string& target, bool is_directory) {
      if (target.empty()) return;  // it has a problem already
      std::string why = WhyNotShownAt(run_.runtime.location, *run_.tree, target, is_directory);
      if (!why.empty()) Complain(field, std::move(why));
    };
    check("workdir", run_.workdir, true);
    for (const Showing& input : run_.inputs) {
      // What lies in the work directory is covered there.
      if (!IsBeneath(input.target, run_.workdir)) check("inputs", input.target, input.identity.is_directory);
    }
  }

  void ResolvePaths() {
    if (!run_.spec.stdin_path.empty()) {
      FileIdentity identity;
      mode_t mode = 0;
      if (Locate("stdin", run_.spec.stdin_path, &run_.stdin_path, &identity, &mode)) {
        if (!S_ISREG(mode)) {
          Complain("stdin", Quoted(run_.spec.stdin_path) + " is not a file");
        } else if (access(run_.stdin_path.c_str(), R_OK) != 0) {
          Complain("stdin", Quoted(run_.spec.stdin_path) + " cannot be read by you");
        }
      }
    }
    if (run_.spec.log_path.empty() || IsRefused("log_path")) return;
    run_.log_path = Absolute(run_.spec.log_path);
    const auto there = FindStat(kHere, run_.log_path, false);
    if (there && *there && !S_ISREG((*there)->st_mode)) {
      Complain("log_path", Quoted(run_.spec.log_path) + " is there and is not a file; name a file");
    }
    const std::string parent = run_.log_path.substr(0, run_.log_path.rfind('/') + 1);
    if (access(parent.c_str(), W_OK) != 0) Complain("log_path", Quoted(parent) + " is no directory that you can write to");
  }

  void ResolveSecrets() {
    const FieldPath env = FieldPath::Top("env");
    for (const auto& [name, value] : run_.spec.env) {
      const auto* reference = std::get_if<SecretRef>(&value);
      if (reference == nullptr) continue;
      const FieldPath variable = env.Key(name);
      const FieldPath secret = variable.Key("secret");
      const std::string field = secret.Key(reference->from == SecretRef::From::kFile ? "file" : "env").ToString();
      if (IsRefused(field)) continue;
      if (auto text = ReadSecret(field, *reference)) secrets_[name] = std::move(*text);
    }
  }

  void MakeEnv() {
    std::map<std::string, std::string> env = {{"HOME", "/home/analysis"},  {"TMPDIR", "/tmp"},       {"LANG", "C.UTF-8"},
                                              {"USER", "analysis"},   {"LOGNAME", "analysis"},
                                              {"SHELL", HasInRuntime("bash") ? "/bin/bash" : "/bin/sh"},
                                              {"TZ", "UTC"},  // the same result wherever it runs
                                              {"FUMEHOOD", "1"},      {"PWD", run_.workdir},
                                              {"PATH", Join(run_.runtime.path, ":")}};
    // Libraries ask the machine for its cores and would start a thread for each, however few the run may use.
    const std::string threads = fmt::format("{}", std::max(1L, std::lround(std::ceil(run_.limits.cpu_quota))));
    for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"}) env[name] = threads;
    if (run_.runtime.only_env) env.clear();
    for (const std::string& name : run_.runtime.unset) env.erase(name);
    for (const auto& [name, value] : run_.runtime.env) env[name] = value;
    for (const ResolvedDatabase& database : run_.databases) env["FUMEHOOD_DB_" + UpperCase(database.name)] = database.path;
    for (const auto& [name, value] : run_.spec.env) {
      if (const auto* text = std::get_if<std::string>(&value)) {
        env[name] = *text;
      } else {
        env[name] = secrets_.at(name);
        run_.secret_names.push_back(name);
      }
    }
    for (const auto& [name, value] : env) run_.env.push_back(name + "=" + value);
  }

  std::optional<std::string> ReadSecret(const std::string& field, const SecretRef& secret) {
    if (secret.from == SecretRef::From::kEnvironment) {
      const auto found = submitter_.env.find(secret.name);
      if (found != submitter_.env.end()) return found->second;
      Complain(field, fmt::format("your environment has no variable {}", Quoted(secret.name)));
      return std::nullopt;
    }
    constexpr size_t kMaxSecretBytes = 65536;
    auto text = ReadFile(kHere, Absolute(secret.name), kMaxSecretBytes);
    if (!text) {
      Complain(field, text.error().message());
      return std::nullopt;
    }
    while (text->ends_with('\n')) text->pop_back();
    if (text->find('\0') != std::string::npos) {
      Complain(field, Quoted(secret.name) + " holds a NUL byte, which no environment variable can");
      return std::nullopt;
    }
    return std::move(text).value();
  }

  const Config& config_;
  const Submitter& submitter_;
  const Runtime* given_runtime_;
  ResolvedRun run_;
  std::map<std::string, std::string> secrets_;
  std::vector<Problem> problems_;
};

void PrintLimits(JsonWriter& json, const Limits& limits) {
  json.Key("limits").BeginObject();
  json.Key("memory_limit_mb").Int(limits.memory_limit_mb).Key("cpu_quota").Double(limits.cpu_quota);
  json.Key("pids_limit").Int(limits.pids_limit).Key("timeout_seconds").Int(limits.timeout_seconds);
  json.Key("grace_seconds").Int(limits.grace_seconds).Key("idle_timeout_seconds").Int(limits.idle_timeout_seconds);
  json.Key("disk_limit_mb").Int(limits.disk_limit_mb).Key("inode_limit").Int(limits.inode_limit);
  json.Key("output_limit_mb").Int(limits.output_limit_mb).EndObject();
}

void PrintEnv(JsonWriter& json, const ResolvedRun& run) {
  json.Key("env").BeginObject();
  for (const std::string& entry : run.env) {
    const size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    const bool secret = std::find(run.secret_names.begin(), run.secret_names.end(), name) != run.secret_names.end();
    json.Key(name).String(secret ? "(secret)" : entry.substr(equals + 1));
  }
  json.EndObject();
}

}  // namespace

Result<ResolvedRun> Resolve(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const Runtime* runtime) {
  FH_TRY(CheckKernelCalls());  // first: the checks of the spec's paths are made with some of them
  return Resolver(spec, config, submitter, runtime).Run();
}

std::string PrintResolved(const ResolvedRun& run, const HoodPlan& plan) {
  JsonWriter json;
  json.BeginObject().Key("version").Int(1).Key("name").String(run.spec.name).Key("workdir").String(run.workdir);
  json.Key("command").BeginArray();
  for (const std::string& word : run.argv) json.String(word);
  json.EndArray();
  json.Key("runtime").BeginObject().Key("name").String(run.runtime.name).Key("kind").String(Name(run.runtime.kind));
  json.Key("interpreter").String(run.runtime.interpreter).Key("location").String(run.runtime.location);
  json.Key("identity").String(run.runtime.identity).EndObject();
  PrintLimits(json, run.limits);
  PrintEnv(json, run);
  json.Key("inputs").BeginArray();
  for (const Showing& input : run.inputs) {
    json.BeginObject().Key("path").String(input.source).Key("to").String(input.target);
    constexpr const char* kModes[] = {"ro", "cow", "copy"};
    json.Key("mode").String(kModes[static_cast<size_t>(input.how)]).EndObject();
  }
  json.EndArray().Key("databases").BeginArray();
  for (const ResolvedDatabase& database : run.databases) {
    json.BeginObject().Key("name").String(database.name).Key("path").String(database.source);
    json.Key("mode").String(database.mode == DatabaseMode::kSnapshot ? "snapshot" : "ro").Key("to").String(database.path).EndObject();
  }
  json.EndArray().Key("plan").BeginArray();
  for (const std::string& line : Split(DescribePlan(plan), '\n')) {
    if (!line.empty()) json.String(line);
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace fumehood
