#include "src/engine/pipeline_judge.h"

#include <limits.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/executor/local/local_executor.h"
#include "src/executor/local/resolve.h"
#include "src/engine/pipeline_named_files.h"
#include "src/integrity/known_state.h"
#include "src/record/verify.h"
#include "src/runtime/find_runtime.h"
#include "src/runtime/lock.h"
#include "src/runtime/system_lock.h"
#include "src/spec/field_path.h"
#include "src/spec/limits.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

int64_t ThreadsOf(const AnalysisSpec& spec, const Config& config) {
  return std::max(int64_t{1}, static_cast<int64_t>(std::ceil(ResolveLimits(spec, config).cpu_quota)));
}

const char* NameOf(InputMode mode) {
  constexpr const char* kNames[] = {"ro", "cow", "copy"};
  return kNames[static_cast<size_t>(mode)];
}

// The digest of a runtime's packages, also of one that was never checked.
std::string LockDigest(const Runtime& runtime) {
  if (!runtime.identity.empty()) return runtime.identity;
  if (runtime.kind == RuntimeKind::kSystem) {
    const auto packages = LockSystem(runtime.interpreter);
    return packages ? LockIdentity(*packages) : "as of " + SystemFingerprint(runtime.interpreter);
  }
  const auto lock = LockPrefix(runtime.location, runtime.kind);
  if (lock && lock->faults.empty()) return LockIdentity(lock->packages);
  return "in " + runtime.location;
}

// As a run is shown it: where links lead to. Itself, where it is not there.
std::string RealPath(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) != nullptr ? real : path;
}

// A sentence as a clause in the middle of another.
std::string Clause(std::string text) {
  while (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string PipelineJudge::Absolute(const std::string& path) const { return path.starts_with('/') ? path : place_.base + "/" + path; }

std::string PipelineJudge::WorkdirOf(const AnalysisSpec& spec) const { return RealPath(spec.workdir.empty() ? place_.base : Absolute(spec.workdir)); }

Result<std::string> PipelineJudge::DigestOf(const std::string& given) {
  const std::string path = RealPath(given);
  const KnownState seen(place_.path + "/seen");
  const auto before = seen.FindInput(path);
  // All of it: what is not read could not be told from something else.
  ContentBudget budget{.bytes = INT64_MAX, .files = INT64_MAX};
  FH_ASSIGN_OR_RETURN(Content content, LookAtContent(path, before ? &before->content : nullptr, budget));
  if (content.sha256.empty()) return Error(ErrorCode::kUnavailable, fmt::format("{} could not be read whole: {}", Quoted(path), content.unhashed));
  std::string digest = (content.is_directory ? "directory " : "file ") + content.sha256;
  if (options_.remember) (void)seen.Remember(KnownInput{path, {}, std::move(content)});  // what is not noted is read again
  return digest;
}

Result<std::string> PipelineJudge::DigestOfDatabaseAt(const std::string& given) {
  const std::string path = RealPath(given);
  FH_ASSIGN_OR_RETURN(const DatabaseSight sight, LookAtDatabase(path));
  const KnownState seen(place_.path + "/seen");
  const auto before = seen.FindDatabase(path);
  if (before && before->settled && before->sight == sight && !before->sha256.empty()) return before->sha256;
  if (!sight.IsAtRest()) {
    // Its owner is writing: what a snapshot will hold is not to be had from the file alone. It is told apart by size and time.
    const auto part = [](const std::optional<FileSight>& file) {
      return file ? fmt::format("{}@{}", file->size_bytes, file->mtime_ns) : std::string("-");
    };
    return fmt::format("being written: {} {} {}", part(sight.file), part(sight.wal), part(sight.journal));
  }
  FH_ASSIGN_OR_RETURN(const std::string digest, DigestDatabase(path));
  if (options_.remember) (void)seen.Remember(KnownDatabase{.path = path, .sight = sight, .sha256 = digest, .settled = sight.IsSettled()});
  return digest;
}

Result<std::string> PipelineJudge::RuntimeMember(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto known = runtimes_.find(name);
  if (known != runtimes_.end()) return known->second;
  FH_ASSIGN_OR_RETURN(const Runtime runtime, FindRuntime(Catalog(config_.state_dir), name));
  return runtimes_[name] = fmt::format("{} {} {}", name, Name(runtime.kind), LockDigest(runtime));
}

Result<KeyMembers> PipelineJudge::MembersOf(size_t index, const RunOfStep& run_of) {
  const PipelineStep& step = plan_.steps[index];
  const AnalysisSpec& spec = step.spec;
  KeyMembers members = MembersOfSpec(spec, ThreadsOf(spec, config_));
  FH_ASSIGN_OR_RETURN(members["runtime"], RuntimeMember(spec.runtime));
  const std::string workdir = WorkdirOf(spec);
  std::vector<const StepInput*> from(spec.inputs.size(), nullptr);
  for (const StepInput& input : step.from) from[input.input] = &input;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const InputSpec& input = spec.inputs[i];
    std::string digest;
    if (from[i] != nullptr) {
      FH_ASSIGN_OR_RETURN(const RunOutputs outputs, OpenOutputs(config_.state_dir, run_of(from[i]->step)));
      FH_ASSIGN_OR_RETURN(digest, DigestOfOutput(outputs, from[i]->path));
    } else {
      FH_ASSIGN_OR_RETURN(digest, DigestOf(Absolute(input.path)));
    }
    const InputSpec shown{.path = Absolute(input.path), .to = input.to};
    members[InputMember(shown, workdir)] = fmt::format("{} {}", NameOf(input.mode), digest);
  }
  for (const std::string& path : FilesNamedBy(spec, workdir)) {
    FH_ASSIGN_OR_RETURN(members["file." + path], DigestOf(workdir + "/" + path));
  }
  for (const DatabaseSpec& database : spec.databases) {
    FH_ASSIGN_OR_RETURN(const std::string digest, DigestOfDatabaseAt(Absolute(database.path)));
    members["database." + database.name] = fmt::format("{} {}", database.mode == DatabaseMode::kSnapshot ? "snapshot" : "ro", digest);
  }
  if (!spec.stdin_path.empty()) {
    FH_ASSIGN_OR_RETURN(members["stdin"], DigestOf(Absolute(spec.stdin_path)));
  }
  return members;
}

Result<std::string> PipelineJudge::LookAtRun(const JournalEntry& entry, Judgement& judgement) {
  auto looked = executor_.check_status(entry.run);
  if (!looked && looked.error().code() == ErrorCode::kNotFound) return fmt::format("the record of run {} is gone", entry.run);
  if (!looked) return std::move(looked).error();
  if (!IsFinal(looked->status)) {
    judgement.verdict = StepVerdict::kInFlight;
    return std::string();
  }
  judgement.failed = looked->status != RunStatus::kCompleted;
  if (judgement.failed) return fmt::format("run {} {}: {}", entry.run, Name(looked->status), Clause(looked->completion_notes));
  if (!entry.steady) return fmt::format("what it was given changed while run {} went on", entry.run);
  const auto outputs = OpenOutputs(config_.state_dir, entry.run);
  if (!outputs) return fmt::format("the outputs of run {} are gone: {}", entry.run, outputs.error().message());
  const Result<void> present = ArePresent(*outputs);
  if (!present) return fmt::format("the outputs of run {} are gone: {}", entry.run, present.error().message());
  if (options_.verify) {
    FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(config_.state_dir, entry.run));
    FH_ASSIGN_OR_RETURN(const VerifyReport report, VerifyRun(run));
    if (!report.findings.empty())
      return fmt::format("run {} does not verify: {} {}", entry.run, Quoted(report.findings[0].file), report.findings[0].problem);
  }
  judgement.verdict = StepVerdict::kUpToDate;
  return std::string();
}

Result<Judgement> PipelineJudge::Judge(size_t step, const std::vector<JournalEntry>& entries, const RunOfStep& run_of) {
  Judgement judgement;
  FH_ASSIGN_OR_RETURN(judgement.members, MembersOf(step, run_of));
  judgement.key = KeyOf(judgement.members);
  std::string why_not;
  bool failed = false;
  const JournalEntry* latest = nullptr;
  // An older run will do as well, where what was changed since has been changed back.
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!entry->refused.empty()) continue;
    JournalEntry seen = *entry;
    if (seen.run.empty()) {
      FH_ASSIGN_OR_RETURN(const auto found, find_(seen.intent));
      if (!found) {
        judgement.never_submitted.push_back(seen.intent);
        continue;
      }
      seen.run = *found;
    }
    if (latest == nullptr) latest = &*entry;
    if (seen.key != judgement.key) continue;
    FH_ASSIGN_OR_RETURN(const std::string why, LookAtRun(seen, judgement));
    judgement.run = seen.run;
    judgement.found = entry->run.empty();
    judgement.entry = std::move(seen);
    if (why.empty()) {
      judgement.why = judgement.verdict == StepVerdict::kUpToDate ? fmt::format("unchanged since run {}", judgement.run)
                                                                  : fmt::format("run {} is under way", judgement.run);
      return judgement;
    }
    if (why_not.empty()) failed = judgement.failed;
    if (why_not.empty()) why_not = why;
    judgement.failed = false;
  }
  judgement.run.clear();
  judgement.found = false;
  judgement.entry = {};
  judgement.failed = failed;
  judgement.why = latest == nullptr  ? "never run"
                  : !why_not.empty() ? why_not
                                     : Join(Differences(latest->members, judgement.members, latest->run), "; ");
  return judgement;
}

std::vector<Problem> ProblemsOnThisMachine(const PipelinePlan& plan, const PipelinePlace& place, const Config& config) {
  Submitter submitter = CurrentSubmitter();
  submitter.cwd = place.base;
  std::map<std::string, Result<Runtime>> runtimes;
  std::vector<Problem> problems;
  for (const PipelineStep& step : plan.steps) {
    AnalysisSpec spec = step.spec;
    // Outputs of other steps are not there yet.
    std::vector<size_t> kept;
    spec.inputs.clear();
    for (size_t i = 0; i < step.spec.inputs.size(); ++i) {
      if (std::any_of(step.from.begin(), step.from.end(), [&](const StepInput& input) { return input.input == i; })) continue;
      kept.push_back(i);
      spec.inputs.push_back(step.spec.inputs[i]);
    }
    auto runtime = runtimes.find(spec.runtime);
    if (runtime == runtimes.end())
      runtime = runtimes.emplace(spec.runtime, FindRuntime(Catalog(config.state_dir), spec.runtime, config.quarantine_runtimes)).first;
    const auto resolved = Resolve(spec, config, submitter, runtime->second ? &*runtime->second : nullptr);
    if (resolved) continue;
    if (resolved.error().problems().empty()) {
      problems.push_back(PlacedInPipeline(step, {"", resolved.error().message(), "", 0, 0}));
      continue;
    }
    for (Problem problem : resolved.error().problems()) {
      constexpr std::string_view kInputs = "inputs[";
      if (problem.field.starts_with(kInputs)) {
        const size_t end = problem.field.find(']');
        const size_t index = strtoul(problem.field.c_str() + kInputs.size(), nullptr, 10);
        if (index < kept.size() && end != std::string::npos) problem.field = fmt::format("inputs[{}{}", kept[index], problem.field.substr(end));
      }
      if (step.reading.Explains(problem)) continue;
      // What no step says itself, such as its work directory, is wrong for all of them, and told once.
      const bool unsaid = step.reading.document && FindByPath(*step.reading.document, problem.field) == &*step.reading.document;
      if (unsaid) problem.source = step.reading.source;
      problems.push_back(unsaid ? std::move(problem) : PlacedInPipeline(step, std::move(problem)));
    }
  }
  return problems;
}

}  // namespace fumehood
