#include "src/sys/host_state.h"

#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include <cerrno>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {

Result<DiskRoom> RoomOf(const std::string& path) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0) {
    const int error = errno;
    return ErrnoError(error, "ask for the room on the disk of " + Quoted(path));
  }
  DiskRoom room;
  room.bytes = uint64_t{disk.f_blocks} * disk.f_frsize;
  room.free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  room.inodes = disk.f_files;
  room.free_inodes = disk.f_favail;
  return room;
}

ClockReading ReadClocks() {
  ClockReading reading;
  reading.wall = Now();
  struct timespec boot {};
  if (clock_gettime(CLOCK_BOOTTIME, &boot) == 0) {
    reading.since_boot = std::chrono::seconds(boot.tv_sec) + std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(boot.tv_nsec));
  }
  struct timex state {};  // modes 0: only asks, as anybody may
  const int answer = adjtimex(&state);
  if (answer >= 0) reading.synchronised = answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0 ? ClockSync::kNo : ClockSync::kYes;
  return reading;
}

}  // namespace fumehood
