#include "src/sys/errno_error.h"

#include <cerrno>
#include <cstring>

namespace fumehood {

std::string ErrnoText(int errno_value) {
  const char* text = strerrordesc_np(errno_value);
  if (text == nullptr) return "error " + std::to_string(errno_value);
  std::string lower = text;
  // Only the first letter: acronyms such as "RPC" stay.
  if (lower.size() > 1 && lower[0] >= 'A' && lower[0] <= 'Z' && lower[1] >= 'a') lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
  return lower;
}

ErrorCode CodeOfErrno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOSYS:
    case EOPNOTSUPP:
    case ENODEV:
      return ErrorCode::kUnsupported;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return ErrorCode::kResourceExhausted;
    case EAGAIN:
    case EBUSY:
    case ETIMEDOUT:
      return ErrorCode::kUnavailable;
    case EINVAL:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case EISDIR:
    case E2BIG:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kInternal;
  }
}

Error ErrnoError(int errno_value, std::string doing) {
  return Error(CodeOfErrno(errno_value), std::move(doing) + ": " + ErrnoText(errno_value), errno_value);
}

}  // namespace fumehood
