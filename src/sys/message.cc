#include "src/sys/message.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "src/sys/errno_error.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr size_t kMaxFds = 128;

struct Header {
  uint64_t size = 0;
  uint64_t fds = 0;
};

union Control {
  char buffer[CMSG_SPACE(kMaxFds * sizeof(int))];
  struct cmsghdr align;
};

Result<void> SendHeader(const Fd& socket, const Header& header, const std::vector<int>& fds) {
  struct iovec part {const_cast<Header*>(&header), sizeof header};
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  if (!fds.empty()) {
    message.msg_control = control.buffer;
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    struct cmsghdr* entry = CMSG_FIRSTHDR(&message);
    entry->cmsg_level = SOL_SOCKET;
    entry->cmsg_type = SCM_RIGHTS;
    entry->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(entry), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t put = 0;
  do {
    put = sendmsg(socket.get(), &message, MSG_NOSIGNAL);
  } while (put < 0 && errno == EINTR);
  const int error = errno;
  // So few bytes go as a whole or not at all.
  if (put != static_cast<ssize_t>(sizeof header)) return ErrnoError(put < 0 ? error : EIO, "send");
  return {};
}

void TakeFds(struct msghdr& message, std::vector<Fd>& fds) {
  for (struct cmsghdr* entry = CMSG_FIRSTHDR(&message); entry != nullptr; entry = CMSG_NXTHDR(&message, entry)) {
    if (entry->cmsg_level != SOL_SOCKET || entry->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (entry->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int raw = -1;
      std::memcpy(&raw, CMSG_DATA(entry) + i * sizeof raw, sizeof raw);
      fds.emplace_back(raw);
    }
  }
}

// False: the end of file, before the first byte.
Result<bool> ReceiveHeader(const Fd& socket, Header& header, std::vector<Fd>& fds) {
  struct iovec part {&header, sizeof header};
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  message.msg_control = control.buffer;
  message.msg_controllen = sizeof control.buffer;
  ssize_t got = 0;
  do {
    got = recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  } while (got < 0 && errno == EINTR);
  const int error = errno;
  if (got < 0 && error != ECONNRESET) return ErrnoError(error, "receive");
  if (got <= 0) return false;
  TakeFds(message, fds);
  if (got != static_cast<ssize_t>(sizeof header)) return Error(ErrorCode::kCorrupt, "receive: the message was cut short");
  return true;
}

}  // namespace

Result<void> SendMessage(const Fd& socket, std::string_view bytes, const std::vector<int>& fds) {
  if (fds.size() > kMaxFds) return Error(ErrorCode::kResourceExhausted, "send: too many descriptors in one message");
  FH_TRY(SendHeader(socket, {bytes.size(), fds.size()}, fds));
  return SendAll(socket, bytes);
}

Result<std::optional<Message>> ReceiveMessage(const Fd& socket, size_t limit) {
  Message message;
  Header header;
  FH_ASSIGN_OR_RETURN(const bool there, ReceiveHeader(socket, header, message.fds));
  if (!there) return std::optional<Message>();
  if (header.size > limit) return Error(ErrorCode::kResourceExhausted, "receive: the message is larger than it may be");
  // Fewer when this process may not open so many: what was sent is then lost, and nothing can be done with the rest.
  if (message.fds.size() != header.fds) return Error(ErrorCode::kResourceExhausted, "receive: descriptors of the message were lost");
  message.bytes.resize(header.size);
  size_t have = 0;
  while (have < message.bytes.size()) {
    const ssize_t got = recv(socket.get(), message.bytes.data() + have, message.bytes.size() - have, MSG_WAITALL);
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return ErrnoError(error, "receive");
    if (got == 0) return Error(ErrorCode::kCorrupt, "receive: the message was cut short");
    have += static_cast<size_t>(got);
  }
  return std::optional(std::move(message));
}

}  // namespace fumehood
