// Where the configuration comes from. Found out once, by main; everything after that works on this value.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "fumehood/result.h"

namespace fumehood {

using Environment = std::map<std::string, std::string>;

struct ConfigSources {
  std::string system_path;   // each may be empty or not there
  std::string user_path;
  std::string project_path;
  Environment environment;
  uid_t uid = 0;             // of the caller
};

// The usual places, for a caller with this environment, directory (absolute) and effective uid.
ConfigSources DefaultSources(Environment environment, const std::string& working_dir, uid_t uid);
ConfigSources DefaultSources();  // of this process

// The nearest fumehood.toml in `working_dir` or above it. The search ends at a directory that belongs neither to the caller
// nor to root, and a file of anybody else is passed over: it could only tighten, but even that is for the owner to say.
std::string FindProjectFile(const std::string& working_dir, uid_t uid);

// $FUMEHOOD_STATE, else /var/lib/fumehood for root, else $XDG_STATE_HOME/fumehood, else $HOME/.local/state/fumehood.
Result<std::string> DefaultStateDir(const Environment& environment, uid_t uid);

}  // namespace fumehood
