// How many threads hash the files of a runtime at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>

namespace fumehood {

// One for each processor keeps the processors busy while everything is in memory. From a disk a thread mostly waits, for small files
// above all: with eight there is always something to read while something is hashed (measured: 1.3 times as fast as with two, on two
// processors). Beyond some dozens no disk gets faster.
inline unsigned DigestThreads(size_t files) {
  constexpr unsigned kFewest = 8, kMost = 64;
  return static_cast<unsigned>(std::min<size_t>(std::clamp(std::thread::hardware_concurrency(), kFewest, kMost), std::max<size_t>(files, 1)));
}

}  // namespace fumehood
