#include "src/keeper/stream.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <algorithm>

namespace fumehood {
namespace {

constexpr size_t kReadBytes = 65536;  // one pipe's default capacity: a full read never leaves the writer blocked
// poll(2) promises room for PIPE_BUF bytes: writing no more keeps us from blocking on a descriptor that is not ours to change.
constexpr size_t kPassBytes = 4096;

}  // namespace

OutputStream::OutputStream(Fd source, CappedLog log, int sink) : source_(std::move(source)), log_(std::move(log)), sink_(sink) {}

int OutputStream::poll_fd() const { return pending_.empty() ? source_.get() : sink_; }
short OutputStream::poll_events() const { return pending_.empty() ? POLLIN : POLLOUT; }

void OutputStream::OnReady() {
  if (!pending_.empty()) {
    PassOn();
    return;
  }
  struct pollfd ready {sink_, POLLOUT, 0};
  if (ReadSome() && sink_ >= 0 && poll(&ready, 1, 0) > 0) PassOn();
}

bool OutputStream::ReadSome() {
  char buffer[kReadBytes];
  const ssize_t got = read(source_.get(), buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    source_.Reset();
    return false;
  }
  const std::string_view data(buffer, static_cast<size_t>(got));
  log_.Write(data);
  if (sink_ >= 0) pending_ += data;
  return true;
}

void OutputStream::PassOn() {
  const ssize_t put = write(sink_, pending_.data(), std::min(pending_.size(), kPassBytes));
  if (put > 0) {
    pending_.erase(0, static_cast<size_t>(put));
  } else if (put < 0 && errno != EINTR && errno != EAGAIN) {
    // Whoever listened has gone; the run and its log go on.
    sink_ = -1;
    pending_.clear();
  }
}

FinishedLog OutputStream::Finish() {
  while (source_.valid() && ReadSome()) {
  }
  return log_.Finish();
}

void OutputStream::FlushSink() {
  while (!pending_.empty()) {
    struct pollfd ready {sink_, POLLOUT, 0};
    if (poll(&ready, 1, -1) > 0) PassOn();
  }
}

}  // namespace fumehood
