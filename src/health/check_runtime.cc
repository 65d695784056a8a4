#include "src/health/check_runtime.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/executor/local/trial_run.h"
#include "src/runtime/conda_check.h"
#include "src/runtime/find_runtime.h"
#include "src/runtime/lock.h"
#include "src/runtime/rootfs_check.h"
#include "src/runtime/rootfs_import.h"
#include "src/runtime/system_lock.h"

namespace fumehood {
namespace {

constexpr const char* kWasQuarantined = "was quarantined: ";
constexpr const char* kMark = "fumehood-check ";  // begins the line that the interpreter answers with

// Each package is loaded alone: all that are missing are told at once. The names are arguments, never part of the program.
constexpr const char* kPython = R"(
import importlib, platform, sys
print("fumehood-check", platform.python_version())
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as e:
        print("fumehood-lacks", name, type(e).__name__, str(e).replace("\n", " "))
)";
constexpr const char* kR = R"(
cat("fumehood-check ", as.character(getRversion()), "\n", sep = "")
for (name in commandArgs(trailingOnly = TRUE)) {
  why <- tryCatch({ suppressPackageStartupMessages(library(name, character.only = TRUE)); NULL }, error = conditionMessage)
  if (!is.null(why)) cat("fumehood-lacks ", name, " ", gsub("\n", " ", why), "\n", sep = "")
}
)";
constexpr const char* kJulia = R"(
println("fumehood-check ", VERSION)
for name in ARGS
    try
        Base.require(Main, Symbol(name))
    catch e
        println("fumehood-lacks ", name, " ", replace(first(sprint(showerror, e), 300), '\n' => ' '))
    end
end
)";

std::vector<std::string> CommandFor(const CatalogEntry& entry, const Runtime& runtime) {
  std::vector<std::string> command;
  // Of a root file system the run's PATH decides which it is.
  const auto program = [&](const char* name) { return runtime.interpreter.empty() ? std::string(name) : runtime.interpreter; };
  if (entry.language == "r") {
    command = {program("Rscript"), "--no-save", "--no-restore", "-e", kR};
  } else if (entry.language == "julia") {
    command = {program("julia"), "--startup-file=no", "-e", kJulia};
  } else if (entry.language == "python") {
    command = {program("python3"), "-c", kPython};
  } else {
    return {"/bin/sh", "-c", "echo 'fumehood-check '"};  // a root without a language: that it starts a command at all
  }
  command.insert(command.end(), entry.imports.begin(), entry.imports.end());
  return command;
}

AnalysisSpec SpecFor(const CatalogEntry& entry, const Runtime& runtime, const Config& config) {
  AnalysisSpec spec;
  spec.name = "check of " + entry.name;
  spec.command = CommandFor(entry, runtime);
  constexpr int64_t kSeconds = 300;  // first imports of large libraries from a slow disk
  constexpr int64_t kMemoryMb = 4096;
  spec.timeout_seconds = std::min(kSeconds, config.maximum.timeout_seconds);
  spec.memory_limit_mb = std::min(kMemoryMb, config.maximum.memory_limit_mb);
  spec.grace_seconds = 1;
  // The layers of this host are doctor's to judge, and every run's.
  spec.allow_weaker.assign(std::begin(kHoodLayers), std::end(kHoodLayers));
  return spec;
}

void Judge(const TrialEnd& end, RuntimeHealth& health) {
  std::vector<std::string> lacks;
  bool answered = false;
  for (const std::string& line : Split(end.out, '\n')) {
    if (line.starts_with(kMark)) {
      answered = true;
      health.version = line.substr(std::string_view(kMark).size());
    } else if (line.starts_with("fumehood-lacks ")) {
      lacks.push_back(line.substr(std::string_view("fumehood-lacks ").size()));
    }
  }
  if (!lacks.empty()) {
    health.reason = "it lacks " + Join(lacks, "; ");
  } else if (!answered || end.result.status != RunStatus::kCompleted) {
    const std::string last = end.err.substr(0, 500);
    health.reason = fmt::format("its interpreter did not answer: {}{}", end.result.completion_notes, last.empty() ? "" : " (" + Join(SplitWords(last), " ") + ")");
  }
  health.state = health.reason.empty() ? HealthState::kHealthy : HealthState::kUnhealthy;
}

// The faults that make it unhealthy, in words; "": none.
std::string WhatIsDamaged(const std::vector<RuntimeFault>& faults) {
  std::map<RuntimeFault::What, int64_t> counts;
  const RuntimeFault* first = nullptr;
  for (const RuntimeFault& fault : faults) {
    if (fault.what == RuntimeFault::What::kForeign) continue;
    if (first == nullptr) first = &fault;
    ++counts[fault.what];
  }
  if (first == nullptr) return "";
  std::vector<std::string> words;
  for (const auto& [what, count] : counts) words.push_back(fmt::format("{} {}", count, kRuntimeFaultNames[static_cast<size_t>(what)]));
  return fmt::format("its files are not what its packages brought: {}; the first: {}{}. Make it anew, or have its package manager install the "
                     "package again", Join(words, ", "), first->path, first->detail.empty() ? "" : " (" + first->detail + ")");
}

// One that was imported has a list of its files; a directory that somebody unpacked has not.
Result<void> CheckTree(const RuntimeSource& source, const RuntimeCheckRequest& request, RuntimeCheck& check) {
  const auto record = ReadRootfsRecord(source.location);
  if (!record) return record.error().code() == ErrorCode::kNotFound ? Result<void>() : Result<void>(record.error());
  FH_ASSIGN_OR_RETURN(check.faults, CheckRootfs(source.location, request.deep ? CheckDepth::kDeep : CheckDepth::kQuick, "", request.progress));
  check.files = record->files;
  check.bytes = request.deep ? record->bytes : 0;
  check.health.identity = record->identity;
  check.health.reason = WhatIsDamaged(check.faults);
  return {};
}

// Its files are the distribution's to check; which packages they are is told.
Result<void> LockSystemOf(const RuntimeSource& source, RuntimeCheck& check) {
  check.health.fingerprint = SystemFingerprint(source.location);  // before: what changes meanwhile is noticed
  FH_ASSIGN_OR_RETURN(check.packages, LockSystem(source.location));
  check.health.identity = LockIdentity(check.packages);
  return {};
}

Result<void> CheckFilesOf(const Runtime& runtime, const RuntimeSource& source, const RuntimeCheckRequest& request, RuntimeCheck& check) {
  if (runtime.kind == RuntimeKind::kRootfs) return CheckTree(source, request, check);
  if (runtime.kind == RuntimeKind::kSystem) return LockSystemOf(source, check);
  if (runtime.kind != RuntimeKind::kConda && runtime.kind != RuntimeKind::kVirtualenv) return {};
  FH_ASSIGN_OR_RETURN(PrefixCheck found, CheckPrefix(runtime.location, runtime.kind, {.deep = request.deep, .progress = request.progress}));
  FH_ASSIGN_OR_RETURN(RuntimeLock lock, LockPrefix(runtime.location, runtime.kind));
  check.faults = std::move(found.faults);
  check.faults.insert(check.faults.end(), lock.faults.begin(), lock.faults.end());
  check.files = found.files;
  check.bytes = found.bytes;
  check.packages = std::move(lock.packages);
  check.health.fingerprint = found.fingerprint;
  check.health.identity = LockIdentity(check.packages);
  check.health.reason = WhatIsDamaged(check.faults);
  return {};
}

}  // namespace

RuntimeHealth WithQuarantine(const std::string& name, const RuntimeHealth& before, RuntimeHealth now) {
  if (before.state != HealthState::kQuarantined || now.state != HealthState::kHealthy || now.deep) return now;
  now.state = HealthState::kQuarantined;
  now.reason = before.reason.starts_with(kWasQuarantined) ? before.reason
                                                          : fmt::format("{}{}; what a quick look sees is in order again: `fumehood runtimes check --deep {}` compares every "
                                                                        "byte, and lifts the quarantine", kWasQuarantined, before.reason, name);
  return now;
}

Result<RuntimeCheck> CheckRuntime(const CatalogEntry& entry, const Config& config, const Submitter& submitter, const RuntimeCheckRequest& request) {
  RuntimeCheck check;
  check.health.checked_at = Rfc3339(Now());
  check.health.deep = request.deep;
  const auto runtime = RuntimeOf(entry);
  if (!runtime) {
    if (runtime.error().code() != ErrorCode::kUnavailable) return runtime.error();
    check.health.state = HealthState::kAbsent;
    check.health.reason = runtime.error().message();
    return check;
  }
  FH_TRY(CheckFilesOf(*runtime, *LocalSource(entry), request, check));
  if (!check.health.reason.empty()) {
    // An interpreter that was changed is not even started.
    check.health.state = config.quarantine_runtimes ? HealthState::kQuarantined : HealthState::kUnhealthy;
    return check;
  }
  FH_ASSIGN_OR_RETURN(const TrialEnd end, MakeTrialRun(SpecFor(entry, *runtime, config), config, submitter, &*runtime));
  Judge(end, check.health);
  return check;
}

}  // namespace fumehood
