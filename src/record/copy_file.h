// The contents of a file, and nothing else of it.
#pragma once

#include "fumehood/result.h"

namespace fumehood {

// From the start of `from` to the start of the empty file `to`. Holes stay holes, so that a sparse file of terabytes takes
// neither the time nor the disk of one. No attribute comes along.
Result<void> CopyContents(int from, int to);

}  // namespace fumehood
