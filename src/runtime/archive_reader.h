// ArchiveReader: the entries of a tar archive, plain or compressed by gzip, xz or zstd, through libarchive, which is loaded when
// it is first needed. What an archive says is anybody's word: names and links are given as they are, for the caller to judge.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fumehood/result.h"

namespace fumehood {

struct ArchiveEntry {
  enum class Type { kFile, kDirectory, kLink, kHardLink, kSpecial };  // kSpecial: a device, a FIFO or a socket
  Type type = Type::kFile;
  std::string path;
  std::string link_target;  // of both kinds of links
  uint32_t mode = 0;        // permission bits, with setuid, setgid and sticky
  int64_t size = 0;         // of a file: as it will be, holes included
  int64_t mtime = 0;        // seconds
};

// Of a file: what lies at `offset`; what no block covers is zeros.
struct ArchiveBlock {
  std::string_view data;  // good until the next call
  int64_t offset = 0;
};

class ArchiveReader {
 public:
  // kTar: an archive's entries. kRaw: one entry, the whole contents, decompressed.
  enum class Contents { kTar, kRaw };

  // Reads `fd`, which stays the caller's, from its start. `max_bytes`: as many may come out of the decompression.
  static Result<ArchiveReader> Open(int fd, Contents contents, int64_t max_bytes);
  ArchiveReader(ArchiveReader&& other) noexcept;
  ArchiveReader& operator=(ArchiveReader&&) = delete;
  ~ArchiveReader();

  Result<std::optional<ArchiveEntry>> Next();       // empty: the end
  Result<std::optional<ArchiveBlock>> NextBlock();  // of the entry that Next gave; empty: its end

 private:
  struct State;
  explicit ArchiveReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fumehood
