#include "src/sys/local_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

struct sockaddr_un AddressIn(const Fd& dir, const std::string& name) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir.get(), name);
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

Result<Fd> MakeSocket() {
  Fd made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int error = errno;
  if (!made.valid()) return ErrnoError(error, "make a socket");
  return made;
}

}  // namespace

Result<Fd> ListenAt(const Fd& dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(Fd listener, MakeSocket());
  const struct sockaddr_un address = AddressIn(dir, name);
  (void)unlinkat(dir.get(), name.c_str(), 0);
  constexpr int kBacklog = 128;
  if (bind(listener.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0 || listen(listener.get(), kBacklog) != 0) {
    const int error = errno;
    return ErrnoError(error, "listen at " + name);
  }
  return listener;
}

Result<Fd> ConnectAt(const Fd& dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(Fd made, MakeSocket());
  const struct sockaddr_un address = AddressIn(dir, name);
  if (connect(made.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0) return made;
  const int error = errno;
  if (error == ENOENT || error == ECONNREFUSED || error == EAGAIN) return Fd();
  return ErrnoError(error, "connect to " + name);
}

Fd AcceptNext(const Fd& listener) { return Fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

void LimitSilence(const Fd& socket, int seconds) {
  const struct timeval limit {seconds, 0};
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

}  // namespace fumehood
