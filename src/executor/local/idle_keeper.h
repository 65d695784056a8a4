// IdleKeeper: a keeper that was started before it is known what for. A program that will launch one run starts it first of all, so
// that the system has loaded it when its order is ready.
#pragma once

#include <string>

#include "src/sys/fd.h"
#include "fumehood/result.h"

namespace fumehood {

class IdleKeeper {
 public:
  static Result<IdleKeeper> Start(std::string token);  // a run id
  IdleKeeper(IdleKeeper&& other) noexcept;
  IdleKeeper& operator=(IdleKeeper&&) = delete;
  // One that was not taken ends, and is waited for: it has nothing to tidy up.
  ~IdleKeeper();

  const std::string& token() const { return token_; }  // its box will be called so

  struct Taken {
    pid_t keeper;  // a child of this process
    Fd orders;
    Fd news;
  };
  Taken Take() &&;

 private:
  IdleKeeper() = default;

  std::string token_;
  pid_t keeper_ = -1;
  Fd orders_;
  Fd news_;
};

// Beside the running program, in its libexec directory, or where this build installs it.
Result<std::string> FindKeeper();

}  // namespace fumehood
