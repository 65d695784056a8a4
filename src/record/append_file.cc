#include "src/record/append_file.h"

#include <fcntl.h>

#include "src/base/text.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {

Result<AppendFile> AppendFile::Open(int dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(Fd fd, OpenAt(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(fd));
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kCorrupt, "open " + Quoted(name) + ": not a regular file");
  return AppendFile(std::move(fd), info.st_size);
}

Result<void> AppendFile::Append(std::string_view record) {
  Written written = WriteAt(fd_.get(), record, size_);
  if (written.error) {
    // Shrinking needs no space. Should it fail all the same, the next record is written over the fragment.
    if (written.bytes > 0) (void)Truncate(fd_.get(), size_);
    return std::move(*written.error);
  }
  size_ += static_cast<int64_t>(record.size());
  return {};
}

Result<void> AppendFile::Refresh() {
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(fd_));
  size_ = info.st_size;
  return {};
}

Result<void> AppendFile::Sync() { return fumehood::Sync(fd_.get()); }

}  // namespace fumehood
