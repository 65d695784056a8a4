// The flags of `run`, `submit` and `explain` that make up a spec.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/cli/command.h"
#include "src/spec/parse.h"

namespace fumehood {

std::vector<Flag> SpecFlags();

// A spec, and where each part of it was said.
struct GivenSpec {
  AnalysisSpec spec;
  std::optional<SpecReading> file;
  Arguments arguments;
  std::vector<size_t> inputs_in_file;     // entry i of the spec is this one of the file; those behind come from flags
  std::vector<size_t> databases_in_file;
  size_t outputs_in_file = 0;             // so many come first
  size_t layers_in_file = 0;

  void Place(Problem& problem) const;  // gives it its file and line, or its flag
  Error Placed(Error error) const;     // all of its problems; an error without any stays as it is
};

// From the file that is the one positional argument, if there is one, with the flags over it; else from the flags and what
// stands behind --. A flag replaces what the file says of the same thing: the whole field, or of env, labels and databases the
// entry of that name, of inputs the one shown at that place. --output and --allow-weaker add.
//
// Only what is wrong with the text and the flags is found here; values and paths are judged by Resolve, whose error Placed makes
// ready. Where something is wrong already, or the caller has `problems` of its own, Resolve is asked too: all is told at once.
Result<GivenSpec> SpecFromArguments(const Arguments& arguments, const Config& config, const Submitter& submitter,
                                    std::vector<Problem> problems = {});

}  // namespace fumehood
