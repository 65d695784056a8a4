// Fd: owns one file descriptor. Every descriptor of ours is close-on-exec from birth.
#pragma once

#include <utility>

namespace fumehood {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int raw) : raw_(raw) {}
  Fd(Fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.raw_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }

  bool valid() const { return raw_ >= 0; }
  int get() const { return raw_; }
  int Release() { return std::exchange(raw_, -1); }
  void Reset(int raw = -1);

 private:
  int raw_ = -1;
};

}  // namespace fumehood
