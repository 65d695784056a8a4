// Users of this host, by name or number.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct UserIds {
  uid_t uid = 0;
  gid_t gid = 0;
};

// `text`: a login name, or a number, which need not have an account: its group is then the same number. kNotFound for a name
// that nobody has.
Result<UserIds> FindUser(const std::string& text);

// The home directories of all accounts, each once, in byte order. Not for several threads at once: getpwent(3) has one place in
// its list for the whole process.
std::vector<std::string> AllHomes();

}  // namespace fumehood
