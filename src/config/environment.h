// The variables that set the configuration.
#pragma once

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "src/config/sources.h"
#include "src/spec/limits.h"
#include "src/spec/problem_list.h"

namespace fumehood {

// FUMEHOOD_*, then EXECUTOR_TYPE, which wins. An empty variable counts as not set.
void ApplyEnvironment(const Environment& environment, Config& config, std::vector<Problem>& problems);

// EXECUTOR_TYPE and every FUMEHOOD_* that is a setting.
std::vector<std::string> VariableNames();

// FUMEHOOD_MEMORY_LIMIT_MB, of the profile `default`; FUMEHOOD_MAXIMUM_MEMORY_LIMIT_MB.
std::string LimitVariable(const LimitField& field, bool of_maximum);

}  // namespace fumehood
