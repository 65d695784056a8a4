// RunBuild: does what a plan says, in its directory, and keeps what the tool printed.
#pragma once

#include <map>
#include <string>

#include "fumehood/result.h"
#include "src/runtime/build_plan.h"

namespace fumehood {

// What the tool says of itself; kInvalidArgument where it does not work, with what it printed.
Result<std::string> VersionOf(const BuildTool& tool, const std::map<std::string, std::string>& env);

// `directory`: of the plan's place, there and empty; `log`: a file, made anew. An error has the end of the log and its path.
Result<void> RunBuild(const BuildPlan& plan, const std::string& directory, const std::map<std::string, std::string>& env, const std::string& log);

}  // namespace fumehood
