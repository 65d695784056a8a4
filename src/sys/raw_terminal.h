// A terminal whose keys are read one by one, for a program that draws on the whole of it.
#pragma once

#include <memory>
#include <optional>

#include "fumehood/result.h"

namespace fumehood {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};
TerminalSize SizeOfTerminal(int fd);  // the default where it is none

// While it lives: no echo, no lines, the other screen, no cursor. Ctrl-C comes as a key.
class RawTerminal {
 public:
  static Result<RawTerminal> Take(int in, int out);
  RawTerminal(RawTerminal&&) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();

  // The next key, of an escape sequence its last letter with the high bit set; empty: none came in time. kUnavailable: the terminal has gone.
  Result<std::optional<unsigned char>> Key(int timeout_ms) const;

 private:
  struct Before;
  RawTerminal(int in, int out, std::unique_ptr<Before> before);
  int in_;
  int out_;
  std::unique_ptr<Before> before_;
};
inline constexpr unsigned char kKeyUp = 'A' | 0x80;
inline constexpr unsigned char kKeyDown = 'B' | 0x80;

}  // namespace fumehood
