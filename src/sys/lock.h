// Locks on whole files that go with their descriptor, however its holder ends.
#pragma once

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// Waits until nobody else holds it.
Result<void> LockExclusive(const Fd& file);

}  // namespace fumehood
