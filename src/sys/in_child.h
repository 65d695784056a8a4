// Tries something that changes a process for ever, in a process that is gone afterwards.
#pragma once

#include <functional>

#include "fumehood/result.h"

namespace fumehood {

// What `act` returned (0 to 255), in a forked child that did nothing else. The caller should have one thread. kInternal: a signal
// ended the child.
Result<int> InChild(const std::function<int()>& act);

}  // namespace fumehood
