// SHA-256, streaming, with the processor's own instructions where it has them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "fumehood/result.h"

namespace fumehood {

class Sha256 {
 public:
  Sha256();
  void Update(std::string_view data);
  std::string FinishHex();  // 64 lower-case digits; the object is used up

 private:
  // OpenSSL's SHA256_CTX, kept out of this header; the .cc asserts its size.
  alignas(8) std::array<unsigned char, 112> state_;
};

std::string Sha256Hex(std::string_view data);

struct FileDigest {
  std::string sha256;
  int64_t size_bytes = 0;  // as read: the digest is of exactly so many bytes
};
// Of the whole file from its start, in bounded memory; the descriptor's position is not touched. `max_bytes`: reads so many
// at most (a file that grows while it is read would otherwise never end); negative: to the end of the file.
Result<FileDigest> DigestFd(int fd, int64_t max_bytes = -1);

}  // namespace fumehood
