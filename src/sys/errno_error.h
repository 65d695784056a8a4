// errno becomes an Error in one place.
#pragma once

#include <string>

#include "fumehood/result.h"

namespace fumehood {

// "open 'x': no such file or directory". Call it in the statement after the system call, before anything can change errno.
Error ErrnoError(int errno_value, std::string doing);
ErrorCode CodeOfErrno(int errno_value);
std::string ErrnoText(int errno_value);  // lower case; thread safe

}  // namespace fumehood
