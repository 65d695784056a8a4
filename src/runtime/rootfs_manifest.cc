#include "src/runtime/rootfs_manifest.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/record/tree_walk.h"
#include "src/runtime/digest_threads.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr std::string_view kHeader = "fumehood-rootfs 1";

class Lister : public TreeVisitor {
 public:
  Result<void> Entry(int dir, const std::string& name, const struct stat& info) override {
    RootfsFile file{.type = S_ISREG(info.st_mode) ? 'f' : S_ISLNK(info.st_mode) ? 'l' : 's', .path = prefix_ + name};
    if (file.type == 'f') {
      file.mode = info.st_mode & 07777U;
      file.size = info.st_size;
      file.mtime_s = info.st_mtim.tv_sec;
      file.mtime_ns = info.st_mtim.tv_nsec;
    } else if (file.type == 'l') {
      char target[PATH_MAX];
      const ssize_t length = readlinkat(dir, name.c_str(), target, sizeof target);
      const int error = errno;
      if (length < 0) return ErrnoError(error, "read the link " + Quoted(file.path));
      file.link_target.assign(target, static_cast<size_t>(length));
    }
    files.push_back(std::move(file));
    return {};
  }
  Result<bool> Directory(int, const std::string& name, const struct stat& info) override {
    files.push_back({.type = 'd', .path = prefix_ + name, .mode = info.st_mode & 07777U});
    prefix_ += name + "/";
    return true;
  }
  Result<void> Entered(int, const struct stat&) override { return {}; }
  void Left() override {
    if (prefix_.empty()) return;  // the top
    prefix_.pop_back();
    const size_t slash = prefix_.rfind('/');
    prefix_.resize(slash == std::string::npos ? 0 : slash + 1);
  }
  void Problem(const std::string& name, const Error& error) override {
    if (problem.empty()) problem = fmt::format("{}: {}", Quoted(prefix_ + name), error.message());
  }

  std::vector<RootfsFile> files;
  std::string problem;

 private:
  std::string prefix_;
};

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || byte == '%') {
      out += fmt::format("%{:02X}", byte);
    } else {
      out += c;
    }
  }
}

bool Unescape(std::string_view text, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return false;
    const auto parsed = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 3) return false;
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

template <typename Number>
bool ReadNumber(std::string_view text, Number& value, int base = 10) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool ReadTime(std::string_view text, RootfsFile& file) {
  const size_t dot = text.find('.');
  return dot != std::string_view::npos && ReadNumber(text.substr(0, dot), file.mtime_s) && ReadNumber(text.substr(dot + 1), file.mtime_ns);
}

bool ReadLine(std::string_view line, RootfsFile& file) {
  const std::vector<std::string> parts = Split(line, '\t');
  if (parts[0].size() != 1) return false;
  file.type = parts[0][0];
  switch (file.type) {
    case 'd': return parts.size() == 3 && ReadNumber(parts[1], file.mode, 8) && Unescape(parts[2], file.path);
    case 'f':
      file.sha256 = parts.size() == 6 ? parts[4] : "";
      return parts.size() == 6 && ReadNumber(parts[1], file.mode, 8) && ReadNumber(parts[2], file.size) && ReadTime(parts[3], file) &&
             file.sha256.size() == 64 && Unescape(parts[5], file.path);
    case 'l': return parts.size() == 3 && Unescape(parts[1], file.link_target) && Unescape(parts[2], file.path);
    case 's': return parts.size() == 2 && Unescape(parts[1], file.path);
    default: return false;
  }
}

Result<std::string> DigestOne(int root, const RootfsFile& file) {
  FH_ASSIGN_OR_RETURN(const Fd fd, OpenBeneath(root, file.path, O_RDONLY | O_NONBLOCK));
  FH_ASSIGN_OR_RETURN(const auto info, StatFd(fd));
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kCorrupt, "it is no file any more");
  FH_ASSIGN_OR_RETURN(FileDigest digest, DigestFd(fd.get()));
  return std::move(digest.sha256);
}

}  // namespace

Result<std::vector<RootfsFile>> ListRootfs(int root) {
  Lister lister;
  FH_TRY(WalkTree(root, WalkOrder::kByName, lister));
  if (!lister.problem.empty()) return Error(ErrorCode::kUnavailable, "look through the root file system: " + lister.problem);
  return std::move(lister.files);
}

std::vector<UnreadFile> DigestRootfs(int root, const std::vector<RootfsFile*>& files, const DigestProgress& progress) {
  int64_t total = 0;
  for (const RootfsFile* file : files) total += file->size;
  std::mutex mutex;  // of these two, and of `progress`
  std::vector<UnreadFile> unread;
  int64_t done = 0;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      RootfsFile& file = *files[i];
      auto digest = DigestOne(root, file);
      const std::lock_guard lock(mutex);
      done += file.size;
      if (digest) {
        file.sha256 = std::move(digest).value();
      } else {
        unread.push_back({file.path, digest.error().message()});
      }
      if (progress) progress(done, total);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < DigestThreads(files.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return unread;
}

std::string PrintRootfsManifest(const std::vector<RootfsFile>& files) {
  std::string out = std::string(kHeader) + "\n";
  for (const RootfsFile& file : files) {
    out += file.type;
    if (file.type == 'd') out += fmt::format("\t{:o}", file.mode);
    if (file.type == 'f') out += fmt::format("\t{:o}\t{}\t{}.{:09}\t{}", file.mode, file.size, file.mtime_s, file.mtime_ns, file.sha256);
    if (file.type == 'l') {
      out += '\t';
      AppendEscaped(out, file.link_target);
    }
    out += '\t';
    AppendEscaped(out, file.path);
    out += '\n';
  }
  return out;
}

Result<std::vector<RootfsFile>> ParseRootfsManifest(std::string_view text) {
  std::vector<RootfsFile> files;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool whole = end != std::string_view::npos;  // a last line without its end was cut off
    text.remove_prefix(whole ? end + 1 : text.size());
    ++number;
    RootfsFile file;
    const bool good = whole && (number == 1 ? line == kHeader : ReadLine(line, file) && !file.path.empty());
    if (!good) return Error(ErrorCode::kCorrupt, fmt::format("line {} is not one of a root file system's list of files", number));
    if (number > 1) files.push_back(std::move(file));
  }
  if (number == 0) return Error(ErrorCode::kCorrupt, "it is empty");
  return files;
}

}  // namespace fumehood
