// How the steps of a pipeline hang together: who is meant by a name, whether an output can be given, and in which order they go.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/pipeline_plan.h"

namespace fumehood {

struct StepLinks {
  std::map<std::string, std::vector<size_t>, std::less<>> groups;  // the ids of the file: each a step, or all of a foreach
  std::map<std::string, size_t, std::less<>> ids;                  // "align[s1]"
  std::set<std::string, std::less<>> foreach_groups;

  // Empty: there is none of this name.
  std::vector<size_t> Find(std::string_view name) const;
  std::string NearestTo(std::string_view name) const;  // "; did you mean 'align'?", or which there are
};

// "out/x.bam" of "./out//x.bam/", "." of all; empty for a path that is not within the work directory.
std::string OutputPath(const std::string& path);

// May a step with these globs leave an output at `path`, or beneath it where it is a directory?
bool CanGive(const std::vector<std::string>& globs, const std::string& path);

// Sets plan.order; for steps that need each other in a circle, adds a problem that names them in their order.
void OrderSteps(PipelinePlan& plan, std::vector<Problem>& problems);

}  // namespace fumehood
