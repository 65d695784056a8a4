// Single layers of the hood, each tried alone in a child that is gone afterwards.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/hood/cgroup.h"

namespace fumehood {

// Makes a cgroup with limits, reads them back, removes it. Gives the controllers that held; where only systemd can make one
// (`needs_scope`) it is left to the trial run, and `place.controllers` is believed.
Result<std::vector<std::string>> TryCgroups(const CgroupPlace& place);

// Clones a process into each kind of namespace; "" where that went well, else why not. By name, as in kNamespaceNames.
std::map<std::string, std::string> TryNamespaces(bool privileged);

std::string TrySeccomp();    // "" or why not
std::string TryLandlock();
std::string TryIdMapping();  // as root: a namespace for id-mapped mounts

}  // namespace fumehood
