#include "src/keeper/uid_lease.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "src/sys/file.h"

namespace fumehood {

Result<UidLease> LeaseUid(const std::string& state_dir, int64_t first, int64_t count) {
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
  const Result<void> made = MakeDir(state.get(), "uids", 0700);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(state.get(), "uids"));
  // The process id spreads the start, so that a uid is seldom used again soon after its last run.
  for (int64_t i = 0; i < count; ++i) {
    const int64_t uid = first + (getpid() + i) % count;
    FH_ASSIGN_OR_RETURN(Fd lock, OpenAt(dir.get(), fmt::format("{}", uid), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return UidLease{uid, std::move(lock)};
  }
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("all {} uids of the range from {} are taken by running analyses; widen uid_range_count", count, first));
}

}  // namespace fumehood
