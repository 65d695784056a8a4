// The rules behind Validate. Each adds a problem for whatever breaks it, and says what is allowed.
#pragma once

#include <string>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "src/spec/problem_list.h"

namespace fumehood {

using Rule = void (*)(const AnalysisSpec& spec, const Config& config, ProblemList& problems);

// rules_command.cc
void CommandIsGiven(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void CommandFitsExec(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void EnvNamesAreVariables(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void SecretsAreNamed(const AnalysisSpec& spec, const Config& config, ProblemList& problems);

// rules_names.cc
void TextsAreText(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void NameIsPrintable(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void RuntimeIsNamed(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void ProfileIsKnown(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void ExecutorIsKnown(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void LayersAreKnown(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void LabelsAreSimple(const AnalysisSpec& spec, const Config& config, ProblemList& problems);

// rules_numbers.cc
void LimitsAreInRange(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void MemoryPlanIsSound(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void CountsAreInRange(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void RetryReasonsAreKnown(const AnalysisSpec& spec, const Config& config, ProblemList& problems);

// rules_files.cc
void PathsAreUsable(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void OutputsStayInWorkdir(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void InputTargetsAreFree(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void InputTargetsAreApart(const AnalysisSpec& spec, const Config& config, ProblemList& problems);
void DatabaseNamesAreVariables(const AnalysisSpec& spec, const Config& config, ProblemList& problems);

// rules_network.cc
void NetworkEntriesAreHostsWithPorts(const AnalysisSpec& spec, const Config& config, ProblemList& problems);

// [A-Za-z_][A-Za-z0-9_]*, of at most 255 bytes.
bool IsVariableName(std::string_view name);

}  // namespace fumehood
