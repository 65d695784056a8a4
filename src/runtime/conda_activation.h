// What `conda activate` does to an environment, without conda.
//
// The variables that conda sets by itself are worked out here, from files: PATH, CONDA_*, etc/conda/env_vars.d and
// conda-meta/state. The scripts of etc/conda/activate.d can do anything, and only bash knows what: they run once, where the caller
// says (sealed, in the hood), and the difference that they made is kept until something in the prefix changes. A prefix without
// scripts, and a launch with a kept difference, start no shell.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/config/sources.h"

namespace fumehood {

struct ActivationInput {
  std::string prefix;       // absolute
  bool is_base = false;     // see CondaPrefix
  std::string conda_root;   // of the conda whose commands the environment offers; empty: none, and no variable names one
  // Built from nothing, not inherited: conda's own variables in it (of an environment that is active) are passed over, so that
  // the result is that of a first activation.
  Environment base;
};

struct EnvironmentDifference {
  std::map<std::string, std::string> set;
  std::set<std::string> unset;
  bool operator==(const EnvironmentDifference&) const = default;
};
Environment Apply(const EnvironmentDifference& difference, Environment base);

// A program for bash to run once. What it writes to `dump_fd` is for ParseActivationDump; its standard output and error are
// what the scripts had to say, for a log.
struct ActivationScript {
  std::vector<std::string> argv;
  Environment environment;
  int dump_fd = 3;
  std::chrono::seconds time_limit{0};  // of the whole; a single script that hangs is ended earlier, by the program itself
};
using RunActivation = std::function<Result<std::string>(const ActivationScript&)>;

// The whole effect. `run` is called only where the prefix has scripts. kNotFound where there is no environment; kCorrupt for
// files of it that cannot be what conda wrote; kUnavailable, with the script's name, for a script that hangs or ends the shell.
Result<EnvironmentDifference> ActivateConda(const ActivationInput& input, const RunActivation& run);

// The parts.
Result<EnvironmentDifference> StaticActivation(const ActivationInput& input);
Result<std::vector<std::string>> ActivationScripts(const std::string& prefix);  // absolute, in the order that they run in
// A script that takes longer waits for something that does not come: in the hood there is neither a terminal nor a network.
inline constexpr std::chrono::seconds kTimePerScript{10};
ActivationScript PlanActivation(const std::vector<std::string>& scripts, Environment environment,
                                std::chrono::seconds time_per_script = kTimePerScript);
// `before`: the environment that the program was started with.
Result<EnvironmentDifference> ParseActivationDump(std::string_view dump, const Environment& before);

}  // namespace fumehood
