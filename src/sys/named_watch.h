// A watch that tells what changed, by name: for a directory with many entries, and a file beside it.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

struct NamedChanges {
  std::vector<std::string> came;  // entries of the directory that are new, by making or renaming
  std::vector<std::string> went;
  bool file_let_go = false;       // somebody who could write the file has closed it
  bool lost_some = false;         // more happened than could be kept: look at everything
};

class NamedWatch {
 public:
  static Result<NamedWatch> On(const Fd& dir, const Fd& file);
  const Fd& fd() const { return watch_; }  // readable when something has changed; a write to the file counts too
  NamedChanges Read();

 private:
  Fd watch_;
  int dir_ = -1;
};

}  // namespace fumehood
