// Validate: is this spec one that could be run at all? Every rule is a function with a name, and every problem is returned.
#pragma once

#include <string_view>
#include <vector>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/result.h"

namespace fumehood {

std::vector<Problem> Validate(const AnalysisSpec& spec, const Config& config);

// What this version cannot do yet, each refused by name rather than ignored. An issue that builds one removes its line.
std::vector<Problem> ValidateSupported(const AnalysisSpec& spec, std::string_view executor);

// Both, for the spec's executor or the configuration's; of a field that is wrong it is not said that it is not supported too.
std::vector<Problem> ValidateAll(const AnalysisSpec& spec, const Config& config);

}  // namespace fumehood
