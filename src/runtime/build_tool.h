// The programs that make conda prefixes and virtual environments, as far as they are here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/build_file.h"

namespace fumehood {

struct BuildTool {
  std::string name;     // "uv"
  std::string program;  // absolute; of pip and rattler: the interpreter whose module it is
};

// Names of those that can make something of such a file, in the order in which they are taken.
std::vector<std::string> ToolsFor(const BuildFile& file);

// Those of ToolsFor that this caller has on PATH. pip is taken for there where its interpreter is. `python`: the interpreter that was
// asked for, or empty.
std::vector<BuildTool> FindTools(const BuildFile& file, const std::map<std::string, std::string>& env, const std::string& python);

// The one that `with` names, else the first. kInvalidArgument where it is not there or cannot do it, with what can be done.
Result<BuildTool> ChooseTool(const BuildFile& file, const std::vector<BuildTool>& found, const std::string& with);

// "uv 0.13.9 (x86_64-unknown-linux-gnu)" -> "0.13.9": the first word that begins with a digit.
std::string VersionIn(const std::string& printed);

// Where a program lies; `name` may be a path. Empty: nowhere.
std::string FindProgram(const std::string& name, const std::map<std::string, std::string>& env);

}  // namespace fumehood
