// What mends a layer that a host does not have: a command to type, or the step to take where there is no one command.
#pragma once

#include <string>

namespace fumehood {

inline constexpr const char* kMendOthersFirst = "mend the layers above first, then ask again";
inline constexpr const char* kMendKernel = "boot a kernel of the distribution: this one was built without it";
inline constexpr const char* kMendReport = "this should not happen: please report it, with the output of `fumehood doctor --json`";

std::string MendCgroups(const std::string& why);
std::string MendNamespaces();  // by what this kernel's switches say
std::string MendLandlock();
std::string MendFilesystem();
std::string MendDiskQuota(const std::string& state_dir);  // by the file system that it lies on
std::string MendState(const std::string& state_dir);

}  // namespace fumehood
