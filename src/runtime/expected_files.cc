#include "src/runtime/expected_files.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/link_target.h"
#include "src/record/sha256.h"
#include "src/runtime/digest_threads.h"
#include "src/runtime/prefix_file.h"
#include "src/sys/fd.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using What = RuntimeFault::What;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string LastOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

const char* KindOf(mode_t mode) {
  if (S_ISREG(mode)) return "a file";
  if (S_ISLNK(mode)) return "a link";
  if (S_ISDIR(mode)) return "a directory";
  return "a device, socket or FIFO";
}

// A pass over metadata: one open for each folder, one stat for each file.
class Look {
 public:
  Look(int prefix, const std::string& prefix_path, FileFindings& findings) : prefix_(prefix), prefix_path_(prefix_path), findings_(findings) {}

  // True: a regular file, of size() bytes, that its metadata have nothing against.
  bool At(const ExpectedFile& file) {
    ++findings_.files;
    if (!EnterFolderOf(file)) return false;
    const auto info = FindStat(folder_.get(), LastOf(file.path), false);
    if (!info) return Fault(What::kChanged, file, info.error().message());
    if (!*info) return file.kind == ExpectedFile::Kind::kCompiled ? false : Fault(What::kMissing, file, "");
    size_ = (*info)->st_size;
    Stamp(file, **info);
    return IsAsExpected(file, **info);
  }

  int64_t size() const { return size_; }
  std::string Fingerprint() { return stamps_.FinishHex(); }

 private:
  bool Fault(What what, const ExpectedFile& file, std::string detail) {
    findings_.faults.push_back({.what = what, .path = file.path, .detail = std::move(detail)});
    return false;
  }

  bool EnterFolderOf(const ExpectedFile& file) {
    const std::string path = FolderOf(file.path);
    if (path != folder_path_) {
      folder_path_ = path;
      auto opened = OpenBeneathFollowing(prefix_, path, O_PATH | O_DIRECTORY);
      folder_error_ = opened ? 0 : opened.error().errno_value();
      folder_ = opened ? std::move(*opened) : Fd();
    }
    if (folder_.valid()) return true;
    if (folder_error_ == ENOENT || folder_error_ == ENOTDIR) {
      return file.kind == ExpectedFile::Kind::kCompiled ? false : Fault(What::kMissing, file, "its folder is not there");
    }
    return Fault(What::kChanged, file, "its folder cannot be entered, or is a link that leads out of the prefix");
  }

  void Stamp(const ExpectedFile& file, const struct stat& info) {
    // Not ctime: another environment that links the same file of the package cache moves it.
    stamps_.Update(fmt::format("{} {} {} {}.{:09}\n", file.path, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec));
  }

  bool IsAsExpected(const ExpectedFile& file, const struct stat& info) {
    switch (file.kind) {
      case ExpectedFile::Kind::kDirectory:
        if (!S_ISDIR(info.st_mode)) Fault(What::kChanged, file, fmt::format("was a directory, is {}", KindOf(info.st_mode)));
        return false;
      case ExpectedFile::Kind::kLink:
        if (S_ISLNK(info.st_mode)) return IsWholeLink(file);
        // Tools copy what a link leads to where a file system has no links.
        if (!S_ISREG(info.st_mode)) Fault(What::kChanged, file, fmt::format("was a link, is {}", KindOf(info.st_mode)));
        return false;
      case ExpectedFile::Kind::kFile:
      case ExpectedFile::Kind::kCompiled: break;
    }
    if (!S_ISREG(info.st_mode)) return Fault(What::kChanged, file, fmt::format("was a file, is {}", KindOf(info.st_mode)));
    if (file.size_bytes >= 0 && info.st_size != file.size_bytes) {
      return Fault(What::kChanged, file, fmt::format("was {} bytes, is {}", file.size_bytes, info.st_size));
    }
    return true;
  }

  // False in any case: a link has no bytes of its own to hash.
  bool IsWholeLink(const ExpectedFile& file) {
    const auto target = ReadLink(folder_.get(), LastOf(file.path));
    if (!target) return Fault(What::kChanged, file, target.error().message());
    // An absolute link into the prefix leads to the same place from its top.
    const bool within = target->starts_with(prefix_path_ + "/");
    const std::string path = within ? target->substr(prefix_path_.size() + 1) : file.path;
    const auto there = OpenBeneathFollowing(prefix_, path, O_PATH);
    if (there) return false;
    const int error = there.error().errno_value();
    const char* why = error == EXDEV || error == ELOOP ? "leads out of the prefix, or in a circle" : "leads to nothing";
    return Fault(What::kBrokenLink, file, fmt::format("{}: {}", why, Quoted(*target)));
  }

  int prefix_;
  const std::string& prefix_path_;  // the caller's
  FileFindings& findings_;          // the caller's
  std::string folder_path_;
  Fd folder_;
  int folder_error_ = 0;
  int64_t size_ = 0;
  Sha256 stamps_;
};

// Hashes in parallel. Each thread takes the next file; the findings are one list behind a lock, since faults are rare. The largest
// come first, so that at the end no thread is left alone with one; the many small ones in the order of their folders.
class Hashing {
 public:
  Hashing(int prefix, const std::vector<const ExpectedFile*>& files, std::vector<int64_t> sizes, const CheckOptions& options,
          FileFindings& findings)
      : prefix_(prefix), files_(files), sizes_(std::move(sizes)), options_(options), findings_(findings) {
    for (const int64_t size : sizes_) total_ += size;
    order_.resize(files_.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    const auto weight = [this](size_t at) { return sizes_[at] < kLarge ? 0 : sizes_[at]; };
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return weight(a) > weight(b); });
  }

  void Run() {
    const size_t count = options_.threads == 0 ? DigestThreads(files_.size()) : std::min<size_t>(options_.threads, files_.size());
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < count; ++i) threads.emplace_back([this] { Work(); });
    Work();
    threads.clear();  // joins them
  }

 private:
  static constexpr int64_t kLarge = int64_t{4} << 20;

  void Work() {
    for (;;) {
      const size_t next = next_.fetch_add(1);
      if (next >= order_.size()) return;
      const size_t at = order_[next];
      Note(at, Hash(*files_[at]));
    }
  }

  // Empty: as it should be.
  std::string Hash(const ExpectedFile& file) const {
    // O_NONBLOCK: it was a regular file a moment ago, but a prefix may change under us.
    const auto fd = OpenBeneathFollowing(prefix_, file.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd) return fd.error().message();
    const auto info = StatFd(*fd);
    if (!info || !S_ISREG(info->st_mode)) return "is no file any more";
    const auto digest = DigestFd(fd->get(), info->st_size);
    if (!digest) return digest.error().message();
    if (digest->sha256 == file.sha256) return {};
    return fmt::format("sha256 was {}, is {}", file.sha256, digest->sha256);
  }

  void Note(size_t at, std::string trouble) {
    const std::lock_guard lock(mutex_);
    findings_.bytes += sizes_[at];
    if (!trouble.empty()) {
      findings_.faults.push_back({.what = What::kChanged, .path = files_[at]->path, .detail = std::move(trouble)});
    }
    if (options_.progress) options_.progress(findings_.bytes, total_);
  }

  int prefix_;
  const std::vector<const ExpectedFile*>& files_;  // the caller's, as are the next two
  std::vector<int64_t> sizes_;
  const CheckOptions& options_;
  FileFindings& findings_;
  int64_t total_ = 0;
  std::vector<size_t> order_;  // indices of files_
  std::atomic<size_t> next_{0};  // of order_
  std::mutex mutex_;
};

}  // namespace

Result<FileFindings> CheckFiles(int prefix, const std::string& prefix_path, std::vector<ExpectedFile> files, const CheckOptions& options) {
  // In the order of their folders, so that each is opened once; and two records of one file side by side.
  std::sort(files.begin(), files.end(), [](const ExpectedFile& a, const ExpectedFile& b) { return a.path < b.path; });
  const auto same = [](const ExpectedFile& a, const ExpectedFile& b) { return a.path == b.path; };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());

  FileFindings findings;
  Look look(prefix, prefix_path, findings);
  std::vector<const ExpectedFile*> to_hash;
  std::vector<int64_t> sizes;
  for (const ExpectedFile& file : files) {
    if (!look.At(file) || !options.deep || file.sha256.empty()) continue;
    sizes.push_back(look.size());
    to_hash.push_back(&file);
  }
  findings.fingerprint = look.Fingerprint();
  if (!to_hash.empty()) Hashing(prefix, to_hash, std::move(sizes), options, findings).Run();
  std::stable_sort(findings.faults.begin(), findings.faults.end(),
                   [](const RuntimeFault& a, const RuntimeFault& b) { return a.path < b.path; });
  return findings;
}

}  // namespace fumehood
