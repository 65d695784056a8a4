// Whole messages with descriptors, over a stream socket between two of our own processes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

struct Message {
  std::string bytes;
  std::vector<Fd> fds;  // close-on-exec
};

// At most 128 descriptors, of which the receiver gets copies.
Result<void> SendMessage(const Fd& socket, std::string_view bytes, const std::vector<int>& fds = {});

// Empty when the other side has closed between two messages. `limit`: bytes that are accepted.
Result<std::optional<Message>> ReceiveMessage(const Fd& socket, size_t limit);

}  // namespace fumehood
