#include "src/runtime/prefix_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "src/base/text.h"

namespace fumehood {
namespace {

// kNotFound, also for a path that has a file where it wants a directory.
bool IsAbsent(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.errno_value() == ENOTDIR;
}

Result<std::optional<std::string>> ReadRegular(Result<Fd> fd, const std::string& path, size_t limit) {
  if (!fd) {
    // ENXIO: a FIFO without a writer, or a socket.
    if (IsAbsent(fd.error()) || fd.error().errno_value() == ENXIO) return std::optional<std::string>();
    return std::move(fd).error();
  }
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*fd));
  if (!S_ISREG(info.st_mode)) return std::optional<std::string>();
  auto text = ReadFd(fd->get(), limit);
  if (!text) return std::move(text).error().Within(Quoted(path));
  return std::optional(std::move(text).value());
}

// Without O_NONBLOCK the open of a FIFO waits for a writer that never comes.
constexpr int kHarmless = O_RDONLY | O_NONBLOCK | O_NOCTTY;

}  // namespace

Result<std::optional<std::string>> FindFileBeneath(int dir, const std::string& path, size_t limit) {
  return ReadRegular(OpenBeneathFollowing(dir, path, kHarmless), path, limit);
}

Result<std::optional<std::string>> FindRegularFile(int dir, const std::string& path, size_t limit) {
  return ReadRegular(OpenAt(dir, path, kHarmless), path, limit);
}

Result<std::vector<std::string>> NamesBeneath(int dir, const std::string& path) {
  std::vector<std::string> names;
  const auto fd = OpenBeneathFollowing(dir, path, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    if (IsAbsent(fd.error())) return names;
    return fd.error();
  }
  FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(fd->get()));
  for (const DirEntry& entry : entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string NormalPath(std::string_view path) {
  std::vector<std::string> kept;
  for (const std::string& part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (kept.empty()) {
      return {};
    } else {
      kept.pop_back();
    }
  }
  return (path.starts_with('/') ? "/" : "") + Join(kept, "/");
}

}  // namespace fumehood
