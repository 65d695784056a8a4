// The analysis' standard input where a file was named for it: fed through a pipe, by the keeper, so that it also comes when the
// program that launched the run has gone. The run never gets the file itself: through the descriptor it could be opened anew,
// for writing.
#pragma once

#include <cstdint>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

class InputStream {
 public:
  // What the run is to get for `input`: of a regular file a pipe that OnReady fills; anything else is the run's own to read.
  Result<Fd> Take(Fd input);

  int poll_fd() const { return sink_.get(); }  // for POLLOUT; -1: there is nothing to feed
  void OnReady();

 private:
  Fd file_;
  Fd sink_;
  int64_t offset_ = 0;
};

}  // namespace fumehood
