#include "src/hood/cgroup_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "src/base/text.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// Every file that is read through it is shorter: limits, events, counters of one cgroup.
constexpr size_t kSmallFile = 4096;

std::string_view Stripped(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  text = Stripped(text);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What to do about a limit that the kernel refused.
std::string Advice(int errno_value) {
  switch (errno_value) {
    case EINVAL:
      return "; the kernel does not take this value here: an outer container or cgroup may allow less, ask for less";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; this user may not set limits here: see `fumehood doctor`";
    default:
      return "";
  }
}

// Writes `value` and returns what the file reads afterwards: one open for both, as each launch pays for it.
Result<std::string> WriteThenRead(CgroupDir dir, const char* file, std::string_view value) {
  const std::string where = JoinPath(dir.path, file);
  const Fd fd(openat(dir.fd, file, O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    const int error = errno;
    return ErrnoError(error, "open " + Quoted(where));
  }
  if (write(fd.get(), value.data(), value.size()) < 0) {
    const int error = errno;
    return Error(CodeOfErrno(error), "write " + Quoted(value) + " to " + Quoted(where) + ": " + ErrnoText(error) + Advice(error), error);
  }
  return Reread(fd);
}

Error ReadsDifferent(CgroupDir dir, const char* file, std::string_view value, std::string_view kept) {
  return Error(ErrorCode::kUnsupported, Quoted(JoinPath(dir.path, file)) + " reads " + Quoted(Stripped(kept)) + " after " +
                                            Quoted(value) + " was written: this limit is not enforced here; see `fumehood doctor`");
}

}  // namespace

std::string UserDirectory(uid_t uid) { return std::string(kRunsDirectory) + "-" + std::to_string(uid); }

Result<void> RequireCgroupFs(int dir, CgroupVersion version, const std::string& path) {
  struct statfs info {};
  if (fstatfs(dir, &info) != 0) {
    const int error = errno;
    return ErrnoError(error, "statfs " + Quoted(path));
  }
  const long magic = version == CgroupVersion::kV2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
  if (info.f_type == magic) return {};
  return Error(ErrorCode::kUnsupported, Quoted(path) + " is not on a cgroup " + (version == CgroupVersion::kV2 ? "v2" : "v1") +
                                            " file system, so nothing written there limits anything: mount one, or mend the "
                                            "configured cgroup parent");
}

Result<void> SetText(CgroupDir dir, const char* file, std::string_view value) {
  FH_ASSIGN_OR_RETURN(const std::string kept, WriteThenRead(dir, file, value));
  if (Stripped(kept) != value) return ReadsDifferent(dir, file, value, kept);
  return {};
}

Result<void> SetBytes(CgroupDir dir, const char* file, int64_t bytes) {
  const std::string value = std::to_string(bytes);
  FH_ASSIGN_OR_RETURN(const std::string kept, WriteThenRead(dir, file, value));
  const auto number = ParseNumber(kept);
  const int64_t page = sysconf(_SC_PAGESIZE);
  if (!number || *number > bytes || bytes - *number >= page) return ReadsDifferent(dir, file, value, kept);
  return {};
}

std::string Reread(const Fd& file) {
  std::array<char, kSmallFile> buffer;
  const ssize_t got = pread(file.get(), buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<size_t>(got)) : std::string();
}

std::optional<std::string> FindText(int dir, const char* file) {
  const Fd fd(openat(dir, file, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  return Reread(fd);
}

std::optional<int64_t> FindNumber(int dir, const char* file) {
  const auto text = FindText(dir, file);
  return text ? ParseNumber(*text) : std::nullopt;
}

std::optional<int64_t> ValueOf(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.size() > key.size() && line.substr(0, key.size()) == key && line[key.size()] == ' ') {
      return ParseNumber(line.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

std::vector<std::string> ReadWords(int dir, const char* file) { return SplitWords(FindText(dir, file).value_or("")); }

Result<std::vector<pid_t>> ReadPids(int dir, const std::string& path) {
  auto text = FindFile(dir, kProcs);
  // ENODEV: the cgroup was removed while its directory is still open.
  if (!text && text.error().errno_value() == ENODEV) return std::vector<pid_t>();
  if (!text) return std::move(text).error().Within("list processes of " + Quoted(path));
  std::vector<pid_t> pids;
  for (const std::string& word : SplitWords(text->value_or(""))) {
    if (const auto number = ParseNumber(word)) pids.push_back(static_cast<pid_t>(*number));
  }
  return pids;
}

Result<void> HandOnControllers(CgroupDir dir) {
  const std::vector<std::string> there = ReadWords(dir.fd, kControllersFile);
  const std::vector<std::string> handed_on = ReadWords(dir.fd, kSubtreeControl);
  std::string wanted;
  for (const char* controller : {"memory", "pids", "cpu", "io"}) {
    if (!HasWord(there, controller) || HasWord(handed_on, controller)) continue;
    if (!wanted.empty()) wanted += ' ';
    wanted.append("+").append(controller);
  }
  if (wanted.empty()) return {};
  auto written = WriteKernelFile(dir.fd, kSubtreeControl, wanted);
  if (written) return {};
  if (written.error().errno_value() != EBUSY) return std::move(written).error().Within("in " + Quoted(dir.path));
  return Error(ErrorCode::kUnavailable,
               Quoted(dir.path) + " holds processes, and only a cgroup without any can hand controllers on: move them into a "
                                  "child of it, or name another parent in the configuration", EBUSY);
}

}  // namespace fumehood
