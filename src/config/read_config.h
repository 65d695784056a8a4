// ReadConfig: the configuration from all its sources. What wins: EXECUTOR_TYPE, then FUMEHOOD_*, then the project's file,
// which can only tighten, then the user's, then the system's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/config/profiles.h"
#include "src/config/sources.h"
#include "src/spec/problem_list.h"

namespace fumehood {

// Error::problems() has the problems of all sources. A file that is not there is none; one that cannot be read is an error.
Result<Config> ReadConfig(const ConfigSources& sources);

// One file's text on top of `config`. Public for its tests and fuzzer.
void ApplyConfigText(std::string_view text, Power power, Config& config, ProblemList& problems);

// The text of one of the files; empty where it is not there. A project's file must belong to the caller or root when it is read, not
// only when it was found.
Result<std::optional<std::string>> FindConfigText(const std::string& path, Power power, uid_t uid);

}  // namespace fumehood
