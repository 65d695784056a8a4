// Walks a directory tree that may be hostile, and may change under the walk: any depth, with a bounded number of descriptors
// and without recursion. No link is followed, no other file system is entered, and nothing but directories is opened.
#pragma once


#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/fd.h"
#include "src/sys/file.h"

namespace fumehood {

// What a walk tells, in order: of each directory first itself, then what is in it, then that it is left. An error ends the walk.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  // An entry that is no directory. `dir` is open on the directory that holds it.
  virtual Result<void> Entry(int dir, const std::string& name, const struct stat& info) = 0;
  // A directory, before it is opened. False: it is not entered, and Left is not called.
  virtual Result<bool> Directory(int dir, const std::string& name, const struct stat& info) = 0;
  // The same directory, open. Called for the top as well, before anything else.
  virtual Result<void> Entered(int dir, const struct stat& info) = 0;
  virtual void Left() = 0;
  // An entry that vanished, moved or could not be read, and the walk goes on without it. `..`: what was left of this directory
  // or of those above it.
  virtual void Problem(const std::string& name, const Error& error) = 0;
};

enum class WalkOrder { kAny, kByName };

// `top` is a directory; its descriptor is not used up.
Result<void> WalkTree(int top, WalkOrder order, TreeVisitor& visitor);

}  // namespace fumehood
