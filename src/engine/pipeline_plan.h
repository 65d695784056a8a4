// PipelinePlan: a pipeline as understood: every step a whole AnalysisSpec, `foreach` written out, every need a number. A value; making it
// touches nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fumehood/analysis_spec.h"
#include "src/spec/parse.h"

namespace fumehood {

inline constexpr size_t kMaxPipelineSteps = 20000;

// An input that is the output of an earlier step.
struct StepInput {
  size_t input = 0;   // inputs[input] of the spec; its path is only a mark there, until the step is started
  size_t step = 0;    // the step whose output it is
  std::string path;   // in the work directory of that step's run; ".": all its outputs
};

struct PipelineStep {
  std::string id;     // "align", or of a foreach "align[s1]"
  std::string group;  // as the file calls it: "align"
  std::string item;   // of a foreach; empty otherwise
  AnalysisSpec spec;
  std::vector<StepInput> from;
  std::vector<size_t> needs;  // steps, in their order, those of `from` among them

  SpecReading reading;                // to give a problem of the spec its place
  std::string field;                  // "steps.align" or "steps[2]"
  std::vector<size_t> input_origins;  // which input of the file each of the spec's was made from
};

struct PipelinePlan {
  std::string name;
  std::string source;               // the file, as it was named
  std::vector<PipelineStep> steps;  // in the order of the file
  std::vector<size_t> order;        // all steps, each after those that it needs
};

// The steps that no other step needs: their outputs are the results of the pipeline.
std::vector<size_t> LastSteps(const PipelinePlan& plan);
// For each step, those that need it.
std::vector<std::vector<size_t>> NeededBy(const PipelinePlan& plan);

// "inputs[5].to" of the spec -> "inputs[2].to" of the step, where the third input in the file was written out into several.
std::string FieldInFile(const PipelineStep& step, const std::string& field);
// A problem of a step's spec with the field's name in the file, and its line.
Problem PlacedInPipeline(const PipelineStep& step, Problem problem);

}  // namespace fumehood
