#include "src/keeper/input_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {

Result<Fd> InputStream::Take(Fd input) {
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(input));
  if (!S_ISREG(info.st_mode)) return input;
  FH_ASSIGN_OR_RETURN(PipePair pipe, MakePipe());
  // Of this end alone: the run's own keeps waiting for data, as programs expect.
  if (fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK) != 0) {
    const int error = errno;
    return ErrnoError(error, "make the pipe of the run's standard input");
  }
  file_ = std::move(input);
  sink_ = std::move(pipe.write);
  return std::move(pipe.read);
}

void InputStream::OnReady() {
  constexpr size_t kAtOnce = 65536;  // one pipe's default capacity
  char buffer[kAtOnce];
  const ssize_t got = pread(file_.get(), buffer, sizeof buffer, offset_);
  if (got < 0 && errno == EINTR) return;
  const ssize_t put = got > 0 ? write(sink_.get(), buffer, static_cast<size_t>(got)) : -1;
  if (put > 0) {
    offset_ += put;
  } else if (got <= 0 || (errno != EINTR && errno != EAGAIN)) {
    // The file's end, or a run that has closed its standard input.
    sink_.Reset();
    file_.Reset();
  }
}

}  // namespace fumehood
