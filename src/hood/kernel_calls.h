// The kernel calls that no run can do without: asked for before anything is made, so that an older kernel, or the filter of an
// outer container, is an error that says what to do and not a hood that stops half-way up.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct RefusedCall {
  std::string name;
  std::string layer;  // what the hood needs it for
  int error = 0;      // ENOSYS: the kernel has none; EPERM: a filter forbids it
};

// Calls each with arguments that change nothing. A caller without privileges may be refused the calls about mounts until it is in a
// user namespace of its own, which is not held against the host here.
std::vector<RefusedCall> RefusedCalls();

// What to do about them.
std::string MendCalls(const std::vector<RefusedCall>& refused);

// kUnsupported, with the calls, the layers and the cure, where one is refused. Asks once in a process: neither a kernel nor a
// filter gives a call back.
Result<void> CheckKernelCalls();

}  // namespace fumehood
