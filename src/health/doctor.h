// The host doctor: can this host enforce the default isolation, found out by doing it, and what mends what it cannot.
//
// How. The cgroup limits are set on a real cgroup and read back. Then one short run is made for real, with the program's own
// keeper, in a state directory of its own beneath the configured one, and what the kernel said of it is looked at layer by
// layer. Only where that run could not start, each layer is tried alone in a short-lived child, to tell which one it was.
#pragma once

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "src/executor/local/resolve.h"

namespace fumehood {

struct LayerReport {
  std::string layer;     // "state", those of kHoodLayers, "runtime"
  bool good = false;
  std::string found;     // what was done and seen
  std::string mend;      // of a layer that is not good: the command, or the step, that mends it
};

struct DoctorReport {
  std::vector<LayerReport> layers;
  bool enforceable = false;  // the default isolation, whole
  std::string trial_failure;  // why no run could be made, as several layers say; empty: one was, or not even the state directory
};

DoctorReport ExamineHost(const Config& config, const Submitter& submitter);

}  // namespace fumehood
