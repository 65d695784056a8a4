// What the kernel says of room on a disk and of its clocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fumehood/result.h"
#include "src/base/clock.h"

namespace fumehood {

struct DiskRoom {
  uint64_t bytes = 0;       // of the file system
  uint64_t free_bytes = 0;  // that we may still use
  uint64_t inodes = 0;      // 0: it does not count them
  uint64_t free_inodes = 0;
};
Result<DiskRoom> RoomOf(const std::string& path);

enum class ClockSync { kUnknown, kNo, kYes };
struct ClockReading {
  WallTime wall;
  std::chrono::microseconds since_boot{0};  // goes on while the machine sleeps, and is never set
  ClockSync synchronised = ClockSync::kUnknown;  // with a time server, as its daemon told the kernel
};
ClockReading ReadClocks();

}  // namespace fumehood
