// Between an AnalysisSpec and the tree that the three formats share. Decode of Encode is identity.
#pragma once

#include "fumehood/analysis_spec.h"
#include "src/spec/document.h"
#include "src/spec/problem_list.h"

namespace fumehood {

// Reads what can be read and reports the rest: types, names and modes. Ranges are Validate's.
AnalysisSpec DecodeSpec(const Node& document, ProblemList& problems);

// Only what differs from the defaults, in the order of the table of fields.
Node EncodeSpec(const AnalysisSpec& spec);

}  // namespace fumehood
