// Walks an overlay's upper layer, which a run has written and which is therefore hostile, and names what each entry means.
#pragma once

#include <cstdint>
#include <string>

#include "fumehood/result.h"
#include "src/record/tree_walk.h"
#include "src/sys/fd.h"

namespace fumehood {

enum class EntryKind { kFile, kDirectory, kSymlink, kSpecial, kWhiteout };  // kSpecial: FIFO, socket, device
const char* Name(EntryKind kind);  // "file", "directory", "symbolic link", "special file", "deleted"

struct UpperEntry {
  std::string path;  // relative to the layer; any bytes but NUL
  EntryKind kind = EntryKind::kFile;
  bool opaque = false;  // a directory that hides all that the project has there
  int64_t size_bytes = 0;
  uint32_t mode = 0;    // permission bits, 07777
  int64_t mtime_ns = 0;
  int64_t hardlinks = 1;
  uint64_t device = 0;
  uint64_t inode = 0;
};

class UpperVisitor {
 public:
  virtual ~UpperVisitor() = default;
  // By name within each directory, a directory before what is in it. `dir` holds the entry, for OpenRegularFile.
  virtual Result<void> Entry(const UpperEntry& entry, int dir, const std::string& name) = 0;
  // What could not be looked at; the walk goes on.
  virtual void Problem(const std::string& path, const std::string& why) = 0;
};
Result<void> WalkUpper(int upper_dir, UpperVisitor& visitor);

EntryKind KindOf(const struct stat& info);  // kWhiteout: the overlay's mark for a deleted entry, a character device 0:0

// A regular file beneath `dir`, for reading; no link is followed on the way. What is something else by now is refused
// (kPermissionDenied) without having been opened, so that no FIFO blocks and no device wakes.
Result<Fd> OpenRegularFile(int dir, const std::string& path);

}  // namespace fumehood
