// NetworkNamespace: made by a helper beside what this process goes on with. Making one takes the kernel as long as all the mounts
// of a box together, and a machine has more than one processor.
#pragma once

#include <sys/types.h>

namespace fumehood {

// For a process with one thread, between clone and exec: nothing is allocated. The helper shares its memory and descriptors.
class NetworkNamespace {
 public:
  // Both give 0 or an errno. Until Join() has said 0 this process is in the namespace that it was in.
  int StartMaking();
  int Join();

 private:
  static int Make(void* self);

  pid_t helper_ = -1;
  int fd_ = -1;
  int error_ = 0;
  alignas(16) char stack_[16384];
};

}  // namespace fumehood
