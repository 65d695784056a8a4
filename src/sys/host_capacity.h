// What this machine has, and this process may have of it.
#pragma once

#include <cstdint>
#include <string>

namespace fumehood {

int64_t Processors();                             // that this process may use; at least 1
int64_t MachineMemoryMb();                        // MiB
int64_t FreeDiskMb(const std::string& path);      // MiB; of the file system that the path is on, or will be
void RaiseDescriptorLimit();                      // to the highest that this process may set itself

}  // namespace fumehood
