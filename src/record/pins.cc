#include "src/record/pins.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Result<Fd> OpenPins(const std::string& state_dir) {
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
  const Result<void> made = MakeDir(state.get(), kPins, 0700);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  if (made) FH_TRY(Sync(state.get()));
  return OpenBeneath(state.get(), kPins, O_RDONLY | O_DIRECTORY);
}

Result<void> CheckId(const RunId& id) {
  return IsRunId(id) ? Result<void>() : Result<void>(Error(ErrorCode::kInvalidArgument, Quoted(id) + " is no run id"));
}

}  // namespace

Result<bool> Pin(const std::string& state_dir, const RunId& id) {
  FH_TRY(CheckId(id));
  FH_ASSIGN_OR_RETURN(const Fd pins, OpenPins(state_dir));
  const auto made = OpenAt(pins.get(), id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  FH_TRY(Sync(pins.get()));
  return made.has_value();
}

Result<bool> Unpin(const std::string& state_dir, const RunId& id) {
  FH_TRY(CheckId(id));
  FH_ASSIGN_OR_RETURN(const Fd pins, OpenPins(state_dir));
  if (unlinkat(pins.get(), id.c_str(), 0) != 0) {
    const int error = errno;
    if (error == ENOENT) return false;
    return ErrnoError(error, "unpin " + id);
  }
  FH_TRY(Sync(pins.get()));
  return true;
}

bool IsPinned(const std::string& state_dir, const RunId& id) {
  return access(fmt::format("{}/{}/{}", state_dir, kPins, id).c_str(), F_OK) == 0;
}

Result<std::vector<RunId>> ListPinned(const std::string& state_dir) {
  std::vector<RunId> ids;
  const auto pins = OpenDir(kHere, state_dir + "/" + kPins);
  if (!pins && pins.error().code() == ErrorCode::kNotFound) return ids;
  if (!pins) return pins.error();
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(pins->get()));
  for (const DirEntry& entry : entries) {
    if (IsRunId(entry.name)) ids.push_back(entry.name);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace fumehood
