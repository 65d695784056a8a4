// Keeper: one attempt of one run, from the making of its box to the published result. See docs/architecture.md.
#pragma once

#include "src/sys/fd.h"

namespace fumehood {

// `orders`: the socket that both orders come through (src/keeper/order.h). Exit code of the keeper process: 0 when a result was
// published, whatever the analysis' end was, and when no run came.
int RunKeeper(Fd orders);

}  // namespace fumehood
