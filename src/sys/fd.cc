#include "src/sys/fd.h"

#include <unistd.h>

namespace fumehood {

void Fd::Reset(int raw) {
  // Linux frees the number even when close is interrupted; trying again could close somebody else's (close(2)).
  if (raw_ >= 0) (void)close(raw_);
  raw_ = raw;
}

}  // namespace fumehood
