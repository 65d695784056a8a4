// PlanBuild: what a tool is told to make of a file, and where. Pure: nothing is looked at and nothing done.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/build_file.h"
#include "src/runtime/build_tool.h"
#include "src/runtime/runtime.h"

namespace fumehood {

struct BuildPlace {
  std::string directory;  // absolute, of this build alone, and never moved: the paths in the files of an environment lead here
  std::string cache;      // absolute: the tool's packages
  std::string python;     // absolute, or a version for uv: what the environment is made with; unused for conda's
  std::vector<std::string> channels;  // where the file names none
};

struct BuildPlan {
  RuntimeKind kind = RuntimeKind::kVirtualenv;
  std::string prefix;                        // the environment, once all steps went well
  std::string cwd;
  std::map<std::string, std::string> files;  // written into the directory before the first step
  std::map<std::string, std::string> env;    // laid over the caller's
  std::vector<std::vector<std::string>> steps;
  std::string mark;  // of the prefix: an empty file that its kind is known by, and its tool does not leave; empty: none
};

// kInvalidArgument for what this tool cannot do with this file.
Result<BuildPlan> PlanBuild(const BuildFile& file, const BuildTool& tool, const BuildPlace& place);

// The caller's variables without those that would lead a tool to other environments or code than it is told, and with the plan's.
std::vector<std::string> BuildEnvironment(const std::map<std::string, std::string>& caller, const BuildPlan& plan);

}  // namespace fumehood
