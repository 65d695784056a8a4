// RootfsManifest: what is in an unpacked root file system, file by file, and the canonical text of it.
//
//   fumehood-rootfs 1
//   d TAB 755 TAB usr
//   f TAB 755 TAB SIZE TAB MTIME TAB SHA-256 TAB usr/bin/cat       MTIME: seconds.nanoseconds
//   l TAB usr/bin TAB bin                                           where it leads, then its own path
//   s TAB run/socket                                                what no archive brings: a device, a FIFO, a socket
//
// In the order of a walk by name. Bytes up to 0x20, 0x7F and % are written %XX. The SHA-256 of the text is the tree's identity.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct RootfsFile {
  char type = 'f';  // 'd', 'f', 'l', 's'
  std::string path;
  uint32_t mode = 0;    // of directories and files
  int64_t size = 0;     // of files
  int64_t mtime_s = 0;
  int64_t mtime_ns = 0;
  std::string sha256;
  std::string link_target;
  friend bool operator==(const RootfsFile&, const RootfsFile&) = default;
};

// Bytes done of all bytes. Called by one thread at a time.
using DigestProgress = std::function<void(int64_t done, int64_t total)>;

// What is in the tree by its metadata: without digests.
Result<std::vector<RootfsFile>> ListRootfs(int root);

// Fills in the digests of `files` (pointers into a list of ListRootfs), with as many threads as there are processors. A file that
// cannot be read has none, and is told.
struct UnreadFile {
  std::string path;
  std::string why;
};
std::vector<UnreadFile> DigestRootfs(int root, const std::vector<RootfsFile*>& files, const DigestProgress& progress = nullptr);

std::string PrintRootfsManifest(const std::vector<RootfsFile>& files);
Result<std::vector<RootfsFile>> ParseRootfsManifest(std::string_view text);

}  // namespace fumehood
