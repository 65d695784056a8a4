#include "src/record/copy_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

Result<void> CopyRange(int from, int to, int64_t begin, int64_t end) {
  std::array<char, 65536> buffer;
  while (begin < end) {
    const auto want = static_cast<size_t>(std::min<int64_t>(end - begin, buffer.size()));
    FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(from, buffer.data(), want, begin));
    if (got == 0) return {};  // it became shorter; the caller compares the size
    Written written = WriteAt(to, {buffer.data(), got}, begin);
    if (written.error) return std::move(*written.error);
    begin += static_cast<int64_t>(got);
  }
  return {};
}

}  // namespace

Result<void> CopyContents(int from, int to) {
  struct stat info {};
  if (fstat(from, &info) != 0) {
    const int error = errno;
    return ErrnoError(error, "stat");
  }
  for (int64_t at = 0; at < info.st_size;) {
    const off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0) {
      const int error = errno;
      if (error != ENXIO) return ErrnoError(error, "seek");
      break;  // a hole up to the end
    }
    const off_t hole = lseek(from, data, SEEK_HOLE);  // there is one, at the end at the latest (lseek(2))
    const int error = errno;
    if (hole < 0) return ErrnoError(error, "seek");
    FH_TRY(CopyRange(from, to, data, std::min<int64_t>(hole, info.st_size)));
    at = hole;
  }
  return Truncate(to, info.st_size);
}

}  // namespace fumehood
