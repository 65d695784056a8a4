// Finds the prefixes that conda, mamba, micromamba, pixi and rattler made, from the files that those tools leave; none of them
// needs to be there.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/config/sources.h"

namespace fumehood {

// Where to look. A value, so that a test can have a world of its own.
struct CondaPlaces {
  std::string root = "/";          // what every absolute path is below
  Environment environment;
  std::string home;                // of the caller; may be empty
  std::vector<std::string> homes;  // whose environments.txt is read besides: every account's for root, as conda does
};
// Of this process, with `environment` and effective `uid`.
CondaPlaces DefaultCondaPlaces(Environment environment, uid_t uid);

struct CondaPrefix {
  std::string path;      // absolute, as the tools know it
  std::string name;      // conda's: base, the name in an envs directory, else the path
  bool is_base = false;  // a root prefix, whose own environment is called base
  uid_t owner = 0;       // whoever owns the prefix can change what runs in it
  std::string found_in;  // for a person: "/home/ada/.conda/environments.txt"
};

struct CondaDiscovery {
  std::vector<CondaPrefix> prefixes;   // each once, whatever the number of paths to it; bases first, then by path
  std::vector<std::string> remarks;    // files that could not be read, and what that means
};
// Lines and settings that lead nowhere are passed over: stale ones are the rule.
CondaDiscovery DiscoverConda(const CondaPlaces& places);

// What `conda activate` calls a prefix: base, the name in a folder `envs`, else the path.
std::string CondaName(const std::string& prefix, bool is_base);

}  // namespace fumehood
