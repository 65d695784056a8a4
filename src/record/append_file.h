// AppendFile: a file of ours that grows by whole records, or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

class AppendFile {
 public:
  // Created with mode 0600 where it is not there; never through a link.
  static Result<AppendFile> Open(int dir, const std::string& name);

  // All of `record` with one write(2) as a rule. On failure what was written of it is cut off again.
  Result<void> Append(std::string_view record);
  Result<void> Sync();
  Result<void> Refresh();  // takes note of what others appended

  int fd() const { return fd_.get(); }
  int64_t size() const { return size_; }

 private:
  AppendFile(Fd fd, int64_t size) : fd_(std::move(fd)), size_(size) {}

  Fd fd_;
  int64_t size_ = 0;
};

}  // namespace fumehood
