// Where each limit of the configuration was said last: for `fumehood profiles`. Follows the order of ReadConfig.
#pragma once

#include <map>
#include <string>

#include "fumehood/result.h"
#include "src/config/sources.h"
#include "src/spec/problem_list.h"

namespace fumehood {

// By the limit's name: "/etc/fumehood/fumehood.toml:12" or the name of a variable. A limit that is not in it is built in.
using Origins = std::map<std::string, std::string>;

struct LimitOrigins {
  std::map<std::string, Origins> profiles;  // of each that is there
  Origins maximum;
};

// Of a configuration that ReadConfig takes.
Result<LimitOrigins> TraceLimits(const ConfigSources& sources);

// What one file says, laid over `origins`. For TraceLimits and its tests.
void TraceConfigText(std::string_view text, const std::string& path, LimitOrigins& origins);

}  // namespace fumehood
