// The differences that activations made, kept by the state of their prefixes.
#pragma once

#include <optional>
#include <string>

#include "fumehood/result.h"
#include "src/runtime/conda_activation.h"

namespace fumehood {

// Hexadecimal. Changes with anything that an activation reads: which directory it is, its history and state, the list of its
// scripts and variables and each one's inode, size and times, and the environment that it starts from. A dozen stats, and no
// file is read: the time of a directory alone would miss a script that was edited where it lies.
Result<std::string> ActivationKey(const ActivationInput& input);

// `directory`: an open directory of ours. Empty where nothing is kept, or what is there cannot be read: it is made anew.
Result<std::optional<EnvironmentDifference>> FindActivation(int directory, const std::string& key);
// Readers see the old file or the whole new one. Not synced: what a crash takes is made anew.
Result<void> KeepActivation(int directory, const std::string& key, const EnvironmentDifference& difference);

// Both, around ActivateConda: `run` is called once for each state of a prefix that has scripts. Where the difference cannot be
// kept (a full disk), it is given all the same.
Result<EnvironmentDifference> ActivateKept(int directory, const ActivationInput& input, const RunActivation& run);

}  // namespace fumehood
