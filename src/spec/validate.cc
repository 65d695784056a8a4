#include "src/spec/validate.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/spec/rules.h"

namespace fumehood {
namespace {

constexpr Rule kRules[] = {
    TextsAreText,       NameIsPrintable,        CommandIsGiven,       CommandFitsExec,           RuntimeIsNamed,
    ProfileIsKnown,     LimitsAreInRange,       MemoryPlanIsSound,    EnvNamesAreVariables,      SecretsAreNamed,
    PathsAreUsable,     OutputsStayInWorkdir,   InputTargetsAreFree,  InputTargetsAreApart,      DatabaseNamesAreVariables,
    LabelsAreSimple,    CountsAreInRange,       RetryReasonsAreKnown, NetworkEntriesAreHostsWithPorts,
    ExecutorIsKnown,    LayersAreKnown,
};

}  // namespace

std::vector<Problem> Validate(const AnalysisSpec& spec, const Config& config) {
  ProblemList problems;
  for (const Rule rule : kRules) rule(spec, config, problems);
  return problems.Take();
}

std::vector<Problem> ValidateSupported(const AnalysisSpec& spec, std::string_view executor) {
  ProblemList problems;
  const auto refuse = [&](bool used, const char* field, std::string_view what) {
    if (used) problems.Add(field, fmt::format("{} is not supported yet by the executor {}", what, ShortQuoted(executor)));
  };
  refuse(spec.memory_plan && spec.memory_plan->automatic, "memory_limit_mb", "`auto`");
  refuse(spec.network.mode == NetworkMode::kAllow, "network", "{allow: [...]}");
  refuse(spec.gpus > 0, "gpus", "a run with gpus");
  refuse(!spec.checkpoint_dir.empty(), "checkpoint_dir", "a checkpoint directory");
  refuse(!spec.provenance_dir.empty(), "provenance_dir", "a provenance directory");
  refuse(spec.warm && executor != "local", "warm", "a warm start");
  refuse(spec.deterministic, "deterministic", "a deterministic run");
  if (executor != "local") {
    problems.Add("executor", fmt::format("the executor {} is not supported yet by this version; there is local", ShortQuoted(executor)));
  }
  return problems.Take();
}

std::vector<Problem> ValidateAll(const AnalysisSpec& spec, const Config& config) {
  std::vector<Problem> problems = Validate(spec, config);
  for (Problem& problem : ValidateSupported(spec, spec.executor.empty() ? config.executor : spec.executor)) {
    const auto same_field = [&](const Problem& other) { return other.field == problem.field; };
    if (std::none_of(problems.begin(), problems.end(), same_field)) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace fumehood
