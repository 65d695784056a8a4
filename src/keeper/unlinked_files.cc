#include "src/keeper/unlinked_files.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <set>
#include <utility>

#include <fmt/format.h>

#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr int64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's (stat(2))

// The work directory is an overlay: its files may carry a device number of the overlay's own. What lies in memory (memfd, /dev/shm)
// has other devices too, and counts as memory.
bool IsOnDisk(const std::string& path, const struct stat& info, dev_t device) {
  if (info.st_dev == device) return true;
  struct statfs system {};
  return statfs(path.c_str(), &system) == 0 && static_cast<uint64_t>(system.f_type) == OVERLAYFS_SUPER_MAGIC;
}

class Search {
 public:
  Search(dev_t device, uid_t owner, int64_t max_descriptors) : device_(device), owner_(owner), left_(max_descriptors) {}

  void LookAt(pid_t pid) {
    const std::string place = fmt::format("/proc/{}/fd", pid);
    const auto dir = OpenDir(kHere, place);
    const auto entries = dir ? ListDir(dir->get()) : Result<std::vector<DirEntry>>(dir.error());
    if (!entries) return;  // it has ended meanwhile
    for (const DirEntry& entry : *entries) {
      if (left_-- <= 0) {
        use.complete = false;
        return;
      }
      // Through the link of /proc, which opens nothing: no FIFO blocks, no device wakes.
      const auto info = FindStat(dir->get(), entry.name, true);
      if (info && *info) Count(place + "/" + entry.name, **info);
    }
  }

  DiskUse use;

 private:
  void Count(const std::string& path, const struct stat& info) {
    if (!S_ISREG(info.st_mode) || info.st_nlink != 0 || info.st_uid != owner_ || !IsOnDisk(path, info, device_)) return;
    if (!seen_.emplace(info.st_dev, info.st_ino).second) return;  // also open elsewhere
    use.bytes += info.st_blocks * kBlock;
    ++use.inodes;
  }

  dev_t device_;
  uid_t owner_;
  int64_t left_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

DiskUse MeasureUnlinked(const std::vector<pid_t>& pids, dev_t device, uid_t owner, int64_t max_descriptors) {
  Search search(device, owner, max_descriptors);
  for (const pid_t pid : pids) search.LookAt(pid);
  return search.use;
}

}  // namespace fumehood
