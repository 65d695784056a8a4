#include "src/sys/user.h"

#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

// Whole and below the value that stands for "none" (chown(2)).
std::optional<uid_t> ParseUid(const std::string& text) {
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
  if (error != std::errc() || end != text.data() + text.size() || uid == static_cast<uid_t>(-1)) return std::nullopt;
  return uid;
}

}  // namespace

Result<UserIds> FindUser(const std::string& text) {
  std::vector<char> buffer(size_t{1} << 16);  // an entry with a long list of members still fits
  struct passwd entry {};
  struct passwd* found = nullptr;
  const std::optional<uid_t> uid = ParseUid(text);
  const int error = uid ? getpwuid_r(*uid, &entry, buffer.data(), buffer.size(), &found)
                        : getpwnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return UserIds{found->pw_uid, found->pw_gid};
  if (uid) return UserIds{*uid, *uid};
  if (error != 0) return ErrnoError(error, "look up the user " + Quoted(text));
  return Error(ErrorCode::kNotFound, "there is no user " + Quoted(text) + "; give a login name or a number");
}

std::vector<std::string> AllHomes() {
  std::set<std::string> homes;
  setpwent();
  while (const struct passwd* entry = getpwent()) {
    if (entry->pw_dir != nullptr && entry->pw_dir[0] == '/') homes.insert(entry->pw_dir);
  }
  endpwent();
  return {homes.begin(), homes.end()};
}

}  // namespace fumehood
