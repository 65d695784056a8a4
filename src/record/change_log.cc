#include "src/record/change_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr size_t kIdBytes = 26;
constexpr size_t kLongestLine = 128;  // a good one has less than half

std::optional<Change> ParseLine(std::string_view line) {
  if (line.size() < kIdBytes + 2 || line[kIdBytes] != ' ') return std::nullopt;
  const std::string_view id = line.substr(0, kIdBytes);
  const std::string_view what = line.substr(kIdBytes + 1);
  const bool is_word = std::all_of(what.begin(), what.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (!is_word || !IsRunId(id)) return std::nullopt;
  return Change{RunId(id), std::string(what)};
}

struct OpenLog {
  Fd fd;
  int64_t inode = 0;
  int64_t size = 0;
};

Result<std::optional<OpenLog>> FindLog(int state, const char* name) {
  auto fd = OpenAt(state, name, O_RDONLY | O_NOFOLLOW);
  if (!fd && fd.error().code() == ErrorCode::kNotFound) return std::optional<OpenLog>();
  if (!fd) return std::move(fd).error();
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*fd));
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kUnsupported, Quoted(name) + " in the state directory is not a regular file");
  return std::optional(OpenLog{std::move(fd).value(), static_cast<int64_t>(info.st_ino), info.st_size});
}

Result<std::string> ReadPart(const OpenLog& log, int64_t from, int64_t to) {
  std::string text(static_cast<size_t>(std::max<int64_t>(0, to - from)), '\0');
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(log.fd.get(), text.data(), text.size(), from));
  text.resize(got);
  return text;
}

// Is it the very file of which `place` tells?
Result<bool> IsSame(const std::optional<OpenLog>& log, const FilePlace& place) {
  if (!log || log->inode != place.inode || log->size < place.offset) return false;
  const auto length = static_cast<int64_t>(place.last.size());
  if (length > place.offset) return false;
  FH_ASSIGN_OR_RETURN(const std::string there, ReadPart(*log, place.offset - length, place.offset));
  return there == place.last;
}

std::string Remembered(std::string_view line) { return line.size() < kLongestLine ? std::string(line) + "\n" : "\n"; }

// Takes whole lines from `place` on.
Result<void> TakeLines(const OpenLog& log, FilePlace& place, NewChanges& news) {
  constexpr int64_t kAtATime = int64_t{1} << 16;  // some 1,600 lines: its reader has a lock meanwhile
  FH_ASSIGN_OR_RETURN(const std::string text, ReadPart(log, place.offset, std::min(log.size, place.offset + kAtATime)));
  size_t at = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
    const std::string_view line = std::string_view(text).substr(at, end - at);
    auto change = ParseLine(line);
    // What is no line is a fragment that a full disk left, with the next writer's line behind it.
    if (!change) news.missed = true;
    if (change) news.changes.push_back(std::move(*change));
    at = end + 1;
    place.last = Remembered(line);
  }
  place.offset += static_cast<int64_t>(at);
  return {};
}

FilePlace StartOf(const OpenLog& log) { return FilePlace{log.inode, 0, ""}; }

// The end of a line, about `back_bytes` before the last.
Result<FilePlace> NearEndOf(const std::optional<OpenLog>& log, int64_t back_bytes) {
  if (!log) return FilePlace();
  FilePlace place = StartOf(*log);
  const int64_t from = std::max<int64_t>(0, log->size - back_bytes - int64_t{kLongestLine});
  FH_ASSIGN_OR_RETURN(const std::string tail, ReadPart(*log, from, std::min(log->size, from + 2 * int64_t{kLongestLine})));
  const size_t end = from == 0 ? std::string::npos : tail.find('\n');
  if (end == std::string::npos) return place;
  place.offset = from + static_cast<int64_t>(end) + 1;
  place.last = tail.substr(0, end + 1);
  return place;
}

struct Logs {
  std::optional<OpenLog> log;
  std::optional<OpenLog> old;
};

Result<Logs> OpenLogs(int state) {
  Logs logs;
  FH_ASSIGN_OR_RETURN(logs.log, FindLog(state, kChangeLog));
  FH_ASSIGN_OR_RETURN(logs.old, FindLog(state, kOldChangeLog));
  return logs;
}

}  // namespace

void NoteChange(const std::string& state_dir, const RunId& id, const char* what) {
  const std::string path = state_dir + "/" + kChangeLog;
  const std::string line = id + " " + what + "\n";
  constexpr int kTries = 100;  // each is a cut in the very moment of the write
  for (int i = 0; i < kTries; ++i) {
    const Fd log(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!log.valid()) break;
    ssize_t written = 0;
    do {
      written = write(log.get(), line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    if (written != static_cast<ssize_t>(line.size())) break;
    struct stat info {};
    if (fstat(log.get(), &info) == 0 && info.st_nlink > 0) return;
  }
  (void)unlink(path.c_str());
}

Result<NewChanges> ReadChanges(const std::string& state_dir, const ChangePlace& since) {
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
  FH_ASSIGN_OR_RETURN(const Logs logs, OpenLogs(state.get()));
  NewChanges news;
  news.place = since;
  FH_ASSIGN_OR_RETURN(const bool goes_on, IsSame(logs.log, since.log));
  FH_ASSIGN_OR_RETURN(const bool was_cut, IsSame(logs.old, since.log));
  FH_ASSIGN_OR_RETURN(const bool old_goes_on, IsSame(logs.old, since.old));
  if (since.log.inode != 0 && !goes_on && was_cut) {
    news.place.old = since.log;
    news.place.log = logs.log ? StartOf(*logs.log) : FilePlace();
  } else {
    const bool log_is_other = since.log.inode != 0 && !goes_on;
    const bool old_is_other = !old_goes_on && (since.old.inode != 0 || logs.old);
    news.missed = log_is_other || old_is_other;
    if (since.log.inode == 0 && logs.log) news.place.log = StartOf(*logs.log);
  }
  if (news.missed) return news;
  if (logs.old) FH_TRY(TakeLines(*logs.old, news.place.old, news));
  if (logs.log) FH_TRY(TakeLines(*logs.log, news.place.log, news));
  return news;
}

Result<ChangePlace> NearEndOfChanges(const std::string& state_dir, int64_t back_bytes) {
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
  FH_ASSIGN_OR_RETURN(const Logs logs, OpenLogs(state.get()));
  ChangePlace place;
  FH_ASSIGN_OR_RETURN(place.log, NearEndOf(logs.log, back_bytes));
  FH_ASSIGN_OR_RETURN(place.old, NearEndOf(logs.old, 0));
  return place;
}

Result<NewChanges> CutChanges(const std::string& state_dir, const ChangePlace& read_to) {
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
  FH_ASSIGN_OR_RETURN(Logs logs, OpenLogs(state.get()));
  NewChanges news;
  news.place = read_to;
  FH_ASSIGN_OR_RETURN(const bool same, IsSame(logs.log, read_to.log));
  if (!same) return news;
  if (renameat(state.get(), kChangeLog, state.get(), kOldChangeLog) != 0) {
    const int error = errno;
    return ErrnoError(error, "cut the log of changes");
  }
  if (logs.old) {
    // From now on it has no name, so whoever still writes to it writes again. What was written until now is seen here.
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(logs.old->fd));
    logs.old->size = info.st_size;
    FH_ASSIGN_OR_RETURN(const bool known, IsSame(logs.old, read_to.old));
    if (!known) news.missed = true;
    if (known) FH_TRY(TakeLines(*logs.old, news.place.old, news));
  }
  news.place.old = read_to.log;
  news.place.log = FilePlace();
  return news;
}

}  // namespace fumehood
