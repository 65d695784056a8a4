// How a run's disk limit is to be held here.
#pragma once

#include <string>

#include "fumehood/config.h"

namespace fumehood {

struct DiskMethod {
  std::string method;   // of the keeper's order: "auto", "quota" or "sampled"
  std::string missing;  // a quota was asked for by name and cannot be had: why. The method is then what there is instead
};

DiskMethod ChooseDiskMethod(const Config& config, bool by_root);

// Why the file system that `state_dir` lies on, or will lie on, gives no quota to a run; "" where it does.
std::string WhyNoDiskQuota(const std::string& state_dir, bool by_root);

}  // namespace fumehood
