// The settings of conda and mamba that say where their environments lie.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/config/sources.h"

namespace fumehood {

struct CondarcPlaces {
  std::vector<std::string> envs_dirs;   // as written, with ~ and $VARIABLES expanded
  std::vector<std::string> root_prefix; // at most one
};
// The text of a .condarc or .mambarc. kInvalidArgument for what is no YAML; everything else in it is passed over.
Result<CondarcPlaces> ParseCondarc(std::string_view text, const Environment& environment, const std::string& home);

// Every file that conda would read, as absolute paths: those that end with a slash are folders of *.yml and *.yaml.
// `root_prefix` may be empty.
std::vector<std::string> CondarcPaths(const Environment& environment, const std::string& home, const std::string& root_prefix);

// ~, $NAME and ${NAME}, as conda expands them; a variable that is not set stays as it is written.
std::string ExpandPath(std::string_view text, const Environment& environment, const std::string& home);

}  // namespace fumehood
