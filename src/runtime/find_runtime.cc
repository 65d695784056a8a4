#include "src/runtime/find_runtime.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/activation_cache.h"
#include "src/runtime/conda_check.h"
#include "src/runtime/guards.h"
#include "src/runtime/rootfs_check.h"
#include "src/runtime/rootfs_runtime.h"
#include "src/runtime/system_lock.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

const std::vector<std::string> kSystemPath = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

// Which program of a prefix is its language's.
std::string InterpreterName(const std::string& language) {
  if (language == "r") return "Rscript";
  return language == "julia" ? "julia" : "python";
}

std::vector<std::string> BinFirst(const std::string& prefix) {
  std::vector<std::string> path = {prefix + "/bin"};
  path.insert(path.end(), kSystemPath.begin(), kSystemPath.end());
  return path;
}

// What pyvenv.cfg calls `home`: the directory of the interpreter that the environment's links lead to.
Result<std::string> HomeOfVirtualenv(const std::string& prefix) {
  constexpr size_t kMaxConfig = 65536;
  auto text = ReadFile(kHere, prefix + "/pyvenv.cfg", kMaxConfig);
  if (!text) return std::move(text).error().Within("read the virtualenv " + Quoted(prefix));
  for (const std::string& line : Split(*text, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const auto words = SplitWords(line.substr(0, equals));
    const auto value = SplitWords(line.substr(equals + 1));
    if (words.size() == 1 && words[0] == "home" && !value.empty()) return Join(value, " ");
  }
  return Error(ErrorCode::kCorrupt, Quoted(prefix + "/pyvenv.cfg") + " does not name the interpreter's home");
}

bool SystemShows(const std::string& path) {
  return std::any_of(std::begin(kAlwaysShown), std::end(kAlwaysShown), [&](const std::string& shown) { return path.starts_with(shown); });
}

Result<void> FillVirtualenv(Runtime& runtime) {
  FH_ASSIGN_OR_RETURN(const std::string home, HomeOfVirtualenv(runtime.location));
  runtime.path = BinFirst(runtime.location);
  runtime.env["VIRTUAL_ENV"] = runtime.location;
  runtime.shown = {runtime.location};
  // .../bin: with its library beside it.
  if (!SystemShows(home + "/")) runtime.shown.push_back(home.substr(0, home.rfind('/')));
  return {};
}

// What `difference` makes of what every runtime has.
void Take(EnvironmentDifference difference, Runtime& runtime) {
  for (auto& [name, value] : difference.set) {
    if (name == "PATH") {
      runtime.path = Split(value, ':');
    } else {
      runtime.env[name] = std::move(value);
    }
  }
  runtime.unset = std::move(difference.unset);
}

Result<void> FillConda(const RuntimeSource& source, Runtime& runtime) {
  FH_ASSIGN_OR_RETURN(EnvironmentDifference difference, StaticActivation(ActivationOf(source)));
  Take(std::move(difference), runtime);
  runtime.shown = {runtime.location};
  return {};
}

// The whole effect of its activation, where it was kept; else the runtime says that it needs it.
Result<void> TakeActivation(const Catalog& catalog, const RuntimeSource& source, Runtime& runtime) {
  FH_ASSIGN_OR_RETURN(const auto scripts, ActivationScripts(source.location));
  if (scripts.empty()) return {};
  FH_ASSIGN_OR_RETURN(const std::string key, ActivationKey(ActivationOf(source)));
  FH_ASSIGN_OR_RETURN(const Fd own, catalog.OpenOwnDir(runtime.name));
  FH_ASSIGN_OR_RETURN(auto kept, FindActivation(own.get(), key));
  runtime.needs_activation = !kept;
  if (kept) Take(std::move(*kept), runtime);
  return {};
}

Error IsDamaged(const Runtime& runtime, const std::vector<RuntimeFault>& faults, const std::string& mend) {
  const RuntimeFault& first = faults.front();
  return Error(ErrorCode::kCorrupt, fmt::format("runtime_unhealthy: of the runtime {}, {} files are not what they were made as, the first: {} {}; {}",
                                                    runtime.name, faults.size(), kRuntimeFaultNames[static_cast<size_t>(first.what)], first.path, mend));
}

// What a runtime is held against before each run: its last check. By metadata alone.
Result<void> IsAsChecked(const Runtime& runtime, const std::string& location, const RuntimeHealth& health) {
  const std::string mend = fmt::format("`fumehood runtimes check --deep {0}` says what it is now, and accepts it if it works", runtime.name);
  if (runtime.kind == RuntimeKind::kRootfs && !health.identity.empty()) {
    FH_ASSIGN_OR_RETURN(const auto faults, CheckRootfs(location, CheckDepth::kQuick, health.identity));
    return faults.empty() ? Result<void>() : IsDamaged(runtime, faults, mend);
  }
  if (runtime.kind != RuntimeKind::kConda && runtime.kind != RuntimeKind::kVirtualenv) return {};
  FH_ASSIGN_OR_RETURN(const PrefixCheck check, CheckPrefix(location, runtime.kind, {}));
  if (!check.faults.empty()) return IsDamaged(runtime, check.faults, mend);
  if (check.fingerprint == health.fingerprint) return {};
  return Error(ErrorCode::kUnavailable, fmt::format("runtime_unhealthy: files of the runtime {} were changed since its check of {}; {}", runtime.name,
                                                    health.checked_at, mend));
}

// Damage stays on record, and the runtime out of use. Where that cannot be written, this run is refused all the same.
Error Quarantined(const Catalog& catalog, const std::string& name, RuntimeHealth health, const Error& error) {
  if (error.code() != ErrorCode::kCorrupt) return error;
  health.state = HealthState::kQuarantined;
  health.reason = error.message();
  (void)catalog.SetHealth(name, health);
  return error;
}

Result<void> Exists(const CatalogEntry& entry, const std::string& path) {
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, path, true));
  if (there) return {};
  const std::string hint = entry.install_hint.empty() ? fmt::format("bring it back, or `fumehood runtimes remove {}`", entry.name) : entry.install_hint;
  return Error(ErrorCode::kUnavailable, fmt::format("runtime_unhealthy: the runtime {} is absent: there is no {}; {}", entry.name, Quoted(path),
                                                    entry.install_hint.empty() ? hint : "get it with: " + hint));
}

// Of those whose last check was good, the one whose name is nearest; the built-in python3 needs no check.
std::string NearestHealthy(const Catalog& catalog, const std::string& name) {
  const auto listing = catalog.List();
  if (!listing) return "";
  std::vector<std::string> healthy;
  for (const CatalogEntry& entry : listing->entries) {
    const auto health = catalog.HealthOf(entry.name);
    if (entry.name != name && health && health->state == HealthState::kHealthy) healthy.push_back(entry.name);
  }
  const std::string nearest = NearestName(name, healthy);
  if (!nearest.empty()) return fmt::format("; healthy and near: {}", nearest);
  return healthy.empty() ? "" : "; healthy: " + Join(healthy, ", ");
}

}  // namespace

const char* Name(RuntimeKind kind) { return kRuntimeKindNames[static_cast<size_t>(kind)]; }

const RuntimeSource* LocalSource(const CatalogEntry& entry) {
  const auto found = std::find_if(entry.sources.begin(), entry.sources.end(), [](const RuntimeSource& s) { return s.kind != RuntimeKind::kImage; });
  return found == entry.sources.end() ? nullptr : &*found;
}

ActivationInput ActivationOf(const RuntimeSource& source) {
  ActivationInput input;
  input.prefix = source.location;
  input.is_base = access((source.location + "/condabin").c_str(), F_OK) == 0;
  input.base = GuardVariables();
  input.base.insert({{"HOME", "/home/analysis"}, {"LANG", "C.UTF-8"}, {"LOGNAME", "analysis"}, {"PATH", Join(kSystemPath, ":")},
                     {"SHELL", "/bin/bash"}, {"TMPDIR", "/tmp"}, {"TZ", "UTC"}, {"USER", "analysis"}});
  return input;
}

Result<Runtime> RuntimeOf(const CatalogEntry& entry) {
  const RuntimeSource* source = LocalSource(entry);
  if (source == nullptr) {
    return Error(ErrorCode::kUnavailable, fmt::format("runtime_unhealthy: the runtime {} is an image only, which this executor cannot run", entry.name));
  }
  FH_TRY(Exists(entry, source->location));
  Runtime runtime;
  runtime.name = entry.name;
  runtime.kind = source->kind;
  runtime.env = GuardVariables();
  runtime.path = kSystemPath;
  if (source->kind == RuntimeKind::kSystem) {
    runtime.interpreter = source->location;
    return runtime;
  }
  if (source->kind == RuntimeKind::kRootfs) {
    FH_ASSIGN_OR_RETURN(Runtime rootfs, RootfsRuntime(entry.name, source->location));
    rootfs.env.insert(GuardVariables().begin(), GuardVariables().end());
    return rootfs;
  }
  runtime.location = source->location;
  runtime.interpreter = fmt::format("{}/bin/{}", runtime.location, InterpreterName(entry.language));
  switch (source->kind) {
    case RuntimeKind::kVirtualenv: FH_TRY(FillVirtualenv(runtime)); break;
    case RuntimeKind::kConda: FH_TRY(FillConda(*source, runtime)); break;
    default: return Error(ErrorCode::kUnsupported, fmt::format("runtimes of the kind {} cannot be run here", Name(source->kind)));
  }
  FH_TRY(Exists(entry, runtime.interpreter));
  return runtime;
}

Result<Runtime> FindRuntime(const Catalog& catalog, const std::string& name, bool quarantine) {
  FH_ASSIGN_OR_RETURN(const CatalogEntry entry, catalog.Find(name));
  FH_ASSIGN_OR_RETURN(const RuntimeHealth health, catalog.HealthOf(name));
  if (health.state == HealthState::kQuarantined) {
    return Error(ErrorCode::kUnavailable, fmt::format("runtime_unhealthy: the runtime {0} is quarantined: {1}. Mend it, then `fumehood runtimes check --deep {0}`, or "
                                                      "make it anew{2}", name, health.reason, NearestHealthy(catalog, name)));
  }
  if (health.state == HealthState::kUnhealthy || health.state == HealthState::kAbsent) {
    return Error(ErrorCode::kUnavailable, fmt::format("runtime_unhealthy: the runtime {} failed its last check: {}. Mend it, then `fumehood runtimes "
                                                      "check {}`{}", name, health.reason, name, NearestHealthy(catalog, name)));
  }
  FH_ASSIGN_OR_RETURN(Runtime runtime, RuntimeOf(entry));
  if (!health.identity.empty()) runtime.identity = health.identity;
  const Result<void> as_checked = IsAsChecked(runtime, LocalSource(entry)->location, health);
  if (!as_checked) return quarantine ? Quarantined(catalog, name, health, as_checked.error()) : as_checked.error();
  // The distribution may have changed since: then nobody knows, and nothing is claimed.
  if (runtime.kind == RuntimeKind::kSystem && !runtime.identity.empty() && SystemFingerprint(LocalSource(entry)->location) != health.fingerprint) {
    runtime.identity.clear();
  }
  if (runtime.kind == RuntimeKind::kConda) FH_TRY(TakeActivation(catalog, *LocalSource(entry), runtime));
  return runtime;
}

}  // namespace fumehood
