// What the kernel says of quotas that were hit. A program that was refused a large write may leave much of its room unused, so
// its use alone does not tell that it wanted more.
#pragma once

#include <cstdint>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

struct QuotaRefusals {
  bool bytes = false;
  bool inodes = false;
};

class QuotaWarnings {
 public:
  // Hears all file systems of this machine. Fails where the kernel was built without such messages.
  static Result<QuotaWarnings> Open();

  // Whether `project` was refused anything on the device `device` (st_dev) since the last call. Never waits. The kernel drops messages
  // for which there is no room, so silence proves nothing.
  QuotaRefusals Read(uint32_t project, uint64_t device);

 private:
  explicit QuotaWarnings(Fd socket, uint16_t family) : socket_(std::move(socket)), family_(family) {}

  Fd socket_;
  uint16_t family_;
};

}  // namespace fumehood
