#include "src/sys/raw_terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

// The alternate screen and back (xterm's private modes 1049 and 25).
constexpr std::string_view kEnter = "\033[?1049h\033[?25l";
constexpr std::string_view kLeave = "\033[?25h\033[?1049l";

void Write(int fd, std::string_view text) { (void)!write(fd, text.data(), text.size()); }

}  // namespace

struct RawTerminal::Before {
  struct termios mode {};
};

TerminalSize SizeOfTerminal(int fd) {
  struct winsize size {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

RawTerminal::RawTerminal(int in, int out, std::unique_ptr<Before> before) : in_(in), out_(out), before_(std::move(before)) {}
RawTerminal::RawTerminal(RawTerminal&&) noexcept = default;

Result<RawTerminal> RawTerminal::Take(int in, int out) {
  auto before = std::make_unique<Before>();
  if (tcgetattr(in, &before->mode) != 0) {
    const int error = errno;
    return ErrnoError(error, "ask the terminal for its mode");
  }
  struct termios raw = before->mode;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(in, TCSAFLUSH, &raw) != 0) {
    const int error = errno;
    return ErrnoError(error, "set the terminal's mode");
  }
  Write(out, kEnter);
  return RawTerminal(in, out, std::move(before));
}

RawTerminal::~RawTerminal() {
  if (!before_) return;
  Write(out_, kLeave);
  (void)tcsetattr(in_, TCSAFLUSH, &before_->mode);
}

Result<std::optional<unsigned char>> RawTerminal::Key(int timeout_ms) const {
  struct pollfd wait = {in_, POLLIN, 0};
  if (poll(&wait, 1, timeout_ms) <= 0) return std::optional<unsigned char>();  // a signal: the window may have another size now
  unsigned char bytes[8];
  const ssize_t got = read(in_, bytes, sizeof bytes);
  if (got <= 0) return Error(ErrorCode::kUnavailable, "the terminal has gone");
  constexpr unsigned char kEscape = 27;
  if (bytes[0] == kEscape && got >= 3) return std::optional<unsigned char>(bytes[got - 1] | 0x80);
  return std::optional<unsigned char>(bytes[0]);
}

}  // namespace fumehood
