// TreeWriter: unpacks one layer after the other of a root file system into a directory. Whatever an archive says, nothing is made
// or changed outside that directory: every path is walked by the kernel as by a process whose root the directory is (openat2(2),
// RESOLVE_IN_ROOT), one entry at a time, so that a link which an earlier entry planted leads nowhere else either.
//
// All that is made belongs to whoever unpacks. Permission bits are kept, but for setuid and setgid, and the owner may always read.
// Devices, FIFOs and sockets are left out, and named.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/archive_reader.h"
#include "src/sys/fd.h"

namespace fumehood {

struct UnpackLimits {
  int64_t bytes = 0;    // of all files together, holes included
  int64_t entries = 0;  // of all archives together
};

class TreeWriter {
 public:
  // `root`: an empty directory that is this process' alone while it is written.
  TreeWriter(Fd root, const UnpackLimits& limits) : root_(std::move(root)), left_(limits), limits_(limits) {}

  // kWhiteouts: names that begin with ".wh." take away what lower layers have (the OCI image specification, layer.md).
  enum class Layer { kPlain, kWhiteouts };
  // All entries of `archive`. The error names the entry.
  Result<void> Unpack(ArchiveReader& archive, Layer layer);

  const std::vector<std::string>& skipped() const { return skipped_; }  // the first of what was left out, with why
  int64_t skipped_count() const { return skipped_count_; }

 private:
  struct Place;
  Result<void> Apply(ArchiveReader& archive, const ArchiveEntry& entry, const std::string& path, Layer layer);
  Result<Place> PlaceFor(const std::string& path);
  Result<const Fd*> DirectoryFor(const std::string& path, bool make);
  Result<void> MakeDirectories(const std::string& path);
  Result<void> WhiteOut(const Place& place, const std::string& name);
  Result<void> ClearOpaque(const Place& place);
  Result<void> RemoveLower(int dir, const std::string& name, int depth);
  Result<bool> MakeRoom(const Place& place, bool for_directory);  // true: a directory is there already
  Result<void> MakeDirectory(const Place& place, const ArchiveEntry& entry);
  Result<void> MakeFile(ArchiveReader& archive, const Place& place, const ArchiveEntry& entry);
  Result<void> MakeHardLink(const Place& place, const ArchiveEntry& entry);
  Result<void> MakeLink(const Place& place, const ArchiveEntry& entry);
  Result<void> Remember(int dir, const std::string& name);
  void Skip(const ArchiveEntry& entry);

  Fd root_;
  UnpackLimits left_;
  UnpackLimits limits_;
  std::string last_path_;  // the directory that was looked up last: neighbours come one after the other
  Fd last_directory_;
  std::unordered_set<uint64_t> this_layers_;  // inodes: a whiteout is about lower layers, wherever in its archive it stands
  std::vector<std::string> skipped_;
  int64_t skipped_count_ = 0;
};

// `path` of an archive as one relative to the root: "./usr//bin" -> "usr/bin", "/" -> "". An error for what climbs or is too long.
Result<std::string> PathInTree(const std::string& path);

}  // namespace fumehood
