#include "src/runtime/rootfs_tree_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxPath = 4000;  // PATH_MAX, with room for where the tree lies
constexpr size_t kMaxName = 255;   // of every file system of Linux
constexpr size_t kSkippedTold = 20;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kReserved = ".wh..wh.";  // what some engines left for themselves
constexpr int kMaxDepth = 2000;                     // kMaxPath holds no more

Error LastError(int error, const char* doing) { return ErrnoError(error, doing); }

}  // namespace

struct TreeWriter::Place {
  const Fd* directory = nullptr;  // of the writer, until the next look-up
  std::string name;
  int fd() const { return directory->get(); }
};

Result<std::string> PathInTree(const std::string& path) {
  std::string clean;
  for (const std::string& part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return Error(ErrorCode::kCorrupt, "its name climbs out by '..'");
    if (part.size() > kMaxName) return Error(ErrorCode::kCorrupt, fmt::format("its name has a part of more than {} bytes", kMaxName));
    clean += (clean.empty() ? "" : "/") + part;
  }
  if (clean.size() > kMaxPath) return Error(ErrorCode::kCorrupt, fmt::format("its name has more than {} bytes", kMaxPath));
  return clean;
}

Result<void> TreeWriter::Unpack(ArchiveReader& archive, Layer layer) {
  this_layers_.clear();
  for (;;) {
    FH_ASSIGN_OR_RETURN(const auto entry, archive.Next());
    if (!entry) return {};
    Result<void> applied;
    auto path = PathInTree(entry->path);
    if (!path) {
      applied = std::move(path).error();
    } else if (--left_.entries < 0) {
      applied = Error(ErrorCode::kResourceExhausted, fmt::format("it is beyond the {} entries that may be unpacked", limits_.entries));
    } else {
      applied = Apply(archive, *entry, *path, layer);
    }
    // A name may be as long as its maker likes; its beginning tells it.
    constexpr size_t kShown = 200;
    if (!applied) return std::move(applied).error().Within("entry " + Quoted(entry->path.substr(0, kShown)) + (entry->path.size() > kShown ? "..." : ""));
  }
}

Result<void> TreeWriter::Apply(ArchiveReader& archive, const ArchiveEntry& entry, const std::string& path, Layer layer) {
  if (path.empty()) {  // the root itself is ours
    return entry.type == ArchiveEntry::Type::kDirectory ? Result<void>() : Error(ErrorCode::kCorrupt, "it has no name");
  }
  if (entry.type == ArchiveEntry::Type::kSpecial) {
    Skip(entry);
    return {};
  }
  FH_ASSIGN_OR_RETURN(const Place place, PlaceFor(path));
  if (layer == Layer::kWhiteouts && place.name.starts_with(kWhiteout)) {
    if (place.name == kOpaque) return ClearOpaque(place);
    if (place.name.starts_with(kReserved)) return {};
    return WhiteOut(place, place.name.substr(kWhiteout.size()));
  }
  switch (entry.type) {
    case ArchiveEntry::Type::kDirectory: return MakeDirectory(place, entry);
    case ArchiveEntry::Type::kFile: return MakeFile(archive, place, entry);
    case ArchiveEntry::Type::kHardLink: return MakeHardLink(place, entry);
    case ArchiveEntry::Type::kLink: return MakeLink(place, entry);
    case ArchiveEntry::Type::kSpecial: break;
  }
  return {};
}

void TreeWriter::Skip(const ArchiveEntry& entry) {
  ++skipped_count_;
  if (skipped_.size() < kSkippedTold) skipped_.push_back(Quoted(entry.path) + " is a device, a FIFO or a socket");
}

Result<TreeWriter::Place> TreeWriter::PlaceFor(const std::string& path) {
  const size_t slash = path.rfind('/');
  Place place;
  place.name = slash == std::string::npos ? path : path.substr(slash + 1);
  FH_ASSIGN_OR_RETURN(place.directory, DirectoryFor(slash == std::string::npos ? "" : path.substr(0, slash), true));
  return place;
}

Result<const Fd*> TreeWriter::DirectoryFor(const std::string& path, bool make) {
  if (path.empty()) return &root_;
  if (last_directory_.valid() && path == last_path_) return &last_directory_;
  auto directory = OpenInRoot(root_.get(), path, O_PATH | O_DIRECTORY);
  if (!directory && make && directory.error().errno_value() == ENOENT) {
    FH_TRY(MakeDirectories(path));
    directory = OpenInRoot(root_.get(), path, O_PATH | O_DIRECTORY);
  }
  if (!directory) return std::move(directory).error().Within("its directory");
  last_directory_ = std::move(directory).value();
  last_path_ = path;
  return &last_directory_;
}

// An archive need not name the directories that its entries lie in.
Result<void> TreeWriter::MakeDirectories(const std::string& path) {
  for (size_t end = path.find('/'); ; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const size_t slash = part.rfind('/');
    const std::string name = slash == std::string::npos ? part : part.substr(slash + 1);
    auto parent = OpenInRoot(root_.get(), slash == std::string::npos ? "." : part.substr(0, slash), O_PATH | O_DIRECTORY);
    if (!parent) return std::move(parent).error().Within("its directory");
    if (mkdirat(parent->get(), name.c_str(), 0755) == 0) {
      FH_TRY(Remember(parent->get(), name));
    } else {
      const int error = errno;
      if (error != EEXIST) return ErrnoError(error, "make its directory " + Quoted(part));
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> TreeWriter::Remember(int dir, const std::string& name) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(dir, name, false));
  if (info) this_layers_.insert(info->st_ino);
  return {};
}

Result<void> TreeWriter::WhiteOut(const Place& place, const std::string& name) {
  if (name.empty() || name == "." || name == "..") return Error(ErrorCode::kCorrupt, "it takes away no file");
  Result<void> removed = RemoveLower(place.fd(), name, 0);
  last_directory_.Reset();  // through a link it may be among what went
  return removed;
}

Result<void> TreeWriter::ClearOpaque(const Place& place) {
  FH_ASSIGN_OR_RETURN(const Fd directory, OpenDir(place.fd(), "."));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(directory.get()));
  for (const DirEntry& entry : entries) FH_TRY(RemoveLower(directory.get(), entry.name, 0));
  last_directory_.Reset();
  return {};
}

// What the layer in hand brought itself stays, also within a directory that it takes away.
Result<void> TreeWriter::RemoveLower(int dir, const std::string& name, int depth) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(dir, name, false));
  if (!info) return {};
  if (!this_layers_.contains(info->st_ino)) {
    FH_TRY(RemoveTree(dir, name));
    return {};
  }
  if (!S_ISDIR(info->st_mode)) return {};
  if (depth == kMaxDepth) return Error(ErrorCode::kCorrupt, "it takes away directories that are nested too deeply");
  FH_ASSIGN_OR_RETURN(const Fd inside, OpenBeneath(dir, name, O_RDONLY | O_DIRECTORY));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(inside.get()));
  for (const DirEntry& entry : entries) FH_TRY(RemoveLower(inside.get(), entry.name, depth + 1));
  return {};
}

// What is there already gives way to what comes later, as in tar and as between layers; only a directory stays a directory.
Result<bool> TreeWriter::MakeRoom(const Place& place, bool for_directory) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(place.fd(), place.name, false));
  if (!info) return false;
  if (for_directory && S_ISDIR(info->st_mode)) return true;
  FH_TRY(RemoveTree(place.fd(), place.name));
  // The directory that was looked up last may have been reached through what has gone: the next entry looks again.
  last_path_.clear();
  return false;
}

Result<void> TreeWriter::MakeDirectory(const Place& place, const ArchiveEntry& entry) {
  FH_ASSIGN_OR_RETURN(const bool there, MakeRoom(place, true));
  if (!there && mkdirat(place.fd(), place.name.c_str(), 0700) != 0) return LastError(errno, "make the directory");
  // Never through a link: the name was just seen to be a directory, and nobody else is here.
  FH_ASSIGN_OR_RETURN(const Fd made, OpenBeneath(place.fd(), place.name, O_RDONLY | O_DIRECTORY));
  // The sticky bit stays: a temporary directory is one. The owner must get in, to unpack, to check and to remove.
  if (fchmod(made.get(), (entry.mode & 01777U) | 0700U) != 0) return LastError(errno, "chmod the directory");
  return Remember(place.fd(), place.name);
}

Result<void> TreeWriter::MakeFile(ArchiveReader& archive, const Place& place, const ArchiveEntry& entry) {
  if (entry.size < 0) return Error(ErrorCode::kCorrupt, "it has a negative size");
  if (entry.size > left_.bytes) {
    return Error(ErrorCode::kResourceExhausted, fmt::format("with its {} it is beyond the {} that may be unpacked",
                                                            HumanBytes(entry.size), HumanBytes(limits_.bytes)));
  }
  left_.bytes -= entry.size;
  FH_TRY(MakeRoom(place, false));
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(place.fd(), place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (ftruncate(file.get(), entry.size) != 0) return LastError(errno, "make the file");
  for (;;) {
    FH_ASSIGN_OR_RETURN(auto block, archive.NextBlock());
    if (!block) break;
    if (block->offset < 0 || block->offset > entry.size ||
        block->data.size() > static_cast<uint64_t>(entry.size - block->offset)) {
      return Error(ErrorCode::kCorrupt, "it holds more than its size says");
    }
    while (!block->data.empty()) {
      const ssize_t put = pwrite(file.get(), block->data.data(), block->data.size(), block->offset);
      const int error = errno;
      if (put < 0 && error != EINTR) return LastError(error, "write");
      if (put <= 0) continue;
      block->data.remove_prefix(static_cast<size_t>(put));
      block->offset += put;
    }
  }
  if (fchmod(file.get(), (entry.mode & 0777U) | 0400U) != 0) return LastError(errno, "chmod the file");
  // In whole seconds, as older archives have it: what was unpacked twice is then the same twice.
  const struct timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = entry.mtime, .tv_nsec = 0}};
  if (futimens(file.get(), times) != 0) return LastError(errno, "set the time of the file");
  return Remember(place.fd(), place.name);
}

Result<void> TreeWriter::MakeHardLink(const Place& place, const ArchiveEntry& entry) {
  auto target = PathInTree(entry.link_target);
  if (!target) return Error(ErrorCode::kCorrupt, "it is a hard link to " + Quoted(entry.link_target) + ", outside of the root file system");
  const size_t slash = target->rfind('/');
  const std::string directory = slash == std::string::npos ? "." : target->substr(0, slash);
  const std::string name = slash == std::string::npos ? *target : target->substr(slash + 1);
  const auto missing = [&] { return Error(ErrorCode::kCorrupt, "it is a hard link to " + Quoted(entry.link_target) + ", which is not there"); };
  if (name.empty()) return missing();
  const auto from = OpenInRoot(root_.get(), directory, O_PATH | O_DIRECTORY);
  if (!from) return missing();
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(from->get(), name, false));
  if (!info || !(S_ISREG(info->st_mode) || S_ISLNK(info->st_mode))) return missing();
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(place.fd(), place.name, false));
  if (there && there->st_ino == info->st_ino) return {};  // it is that file already
  if (there) FH_TRY(MakeRoom(place, false));
  if (linkat(from->get(), name.c_str(), place.fd(), place.name.c_str(), 0) != 0) return LastError(errno, "make the hard link");
  return Remember(place.fd(), place.name);
}

// Never followed here: where it leads is for whoever has the tree as root.
Result<void> TreeWriter::MakeLink(const Place& place, const ArchiveEntry& entry) {
  if (entry.link_target.empty() || entry.link_target.size() > kMaxPath) {
    return Error(ErrorCode::kCorrupt, fmt::format("it is a link with a target of {} bytes", entry.link_target.size()));
  }
  FH_TRY(MakeRoom(place, false));
  if (symlinkat(entry.link_target.c_str(), place.fd(), place.name.c_str()) != 0) return LastError(errno, "make the link");
  return Remember(place.fd(), place.name);
}

}  // namespace fumehood
