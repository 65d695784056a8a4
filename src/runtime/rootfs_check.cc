#include "src/runtime/rootfs_check.h"

#include <fcntl.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/runtime/rootfs_import.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using What = RuntimeFault::What;

constexpr size_t kMaxManifestBytes = size_t{2} << 30;  // of 4 million files

const char* Kind(char type) {
  switch (type) {
    case 'd': return "a directory";
    case 'f': return "a file";
    case 'l': return "a link";
    default: return "a device, FIFO or socket";
  }
}

class Checker {
 public:
  Checker(CheckDepth depth, const DigestProgress& progress) : depth_(depth), progress_(progress) {}

  Result<std::vector<RuntimeFault>> Run(const std::string& target, std::string identity) {
    FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, target));
    const auto root = OpenBeneath(dir.get(), kRootfsTree, O_RDONLY | O_DIRECTORY);
    const auto text = ReadFile(dir.get(), kRootfsFiles, kMaxManifestBytes);
    if (!root || !text) {
      Fault(What::kHalfMade, root ? kRootfsFiles : kRootfsTree, root ? text.error().message() : root.error().message());
      return std::move(faults_);
    }
    if (identity.empty()) {
      auto record = ReadRootfsRecord(target);
      if (!record) {
        Fault(What::kUnreadableRecord, kRootfsImage, record.error().message());
      } else {
        identity = record->identity;
      }
    }
    const std::string is = Sha256Hex(*text);
    if (!identity.empty() && is != identity) Fault(What::kUnreadableRecord, kRootfsFiles, fmt::format("its SHA-256 is {}, expected {}", is, identity));
    const auto listed = ParseRootfsManifest(*text);
    if (!listed) {
      Fault(What::kUnreadableRecord, kRootfsFiles, listed.error().message());
      return std::move(faults_);
    }
    FH_TRY(Compare(root->get(), *listed));
    std::stable_sort(faults_.begin(), faults_.end(), [](const RuntimeFault& a, const RuntimeFault& b) { return a.path < b.path; });
    return std::move(faults_);
  }

 private:
  void Fault(What what, std::string path, std::string detail) { faults_.push_back({what, std::move(path), std::move(detail)}); }

  Result<void> Compare(int root, const std::vector<RootfsFile>& listed) {
    std::map<std::string_view, const RootfsFile*> expected;
    for (const RootfsFile& file : listed) expected.emplace(file.path, &file);
    FH_ASSIGN_OR_RETURN(std::vector<RootfsFile> found, ListRootfs(root));
    std::vector<RootfsFile*> to_read;
    for (RootfsFile& file : found) {
      const auto should = expected.find(file.path);
      if (should == expected.end()) {
        Fault(What::kForeign, file.path, fmt::format("{} that was not unpacked", Kind(file.type)));
        continue;
      }
      if (IsSame(file, *should->second) && file.type == 'f' && depth_ == CheckDepth::kDeep) to_read.push_back(&file);
    }
    std::map<std::string_view, bool> there;
    for (const RootfsFile& file : found) there.emplace(file.path, true);
    for (const RootfsFile& file : listed) {
      if (!there.contains(file.path)) Fault(What::kMissing, file.path, fmt::format("{} that was unpacked", Kind(file.type)));
    }
    for (const UnreadFile& unread : DigestRootfs(root, to_read, progress_)) Fault(What::kChanged, unread.path, "it cannot be read: " + unread.why);
    for (const RootfsFile* file : to_read) {
      const std::string& should = expected.at(file->path)->sha256;
      if (!file->sha256.empty() && file->sha256 != should) Fault(What::kChanged, file->path, fmt::format("its SHA-256 is {}, expected {}", file->sha256, should));
    }
    return {};
  }

  // As far as metadata tell. Where every byte is read a time alone is no fault: a copy has times of its own.
  bool IsSame(const RootfsFile& is, const RootfsFile& should) {
    std::string detail;
    if (is.type != should.type) {
      detail = fmt::format("it is {}, expected {}", Kind(is.type), Kind(should.type));
    } else if (is.mode != should.mode) {
      detail = fmt::format("its mode is {:o}, expected {:o}", is.mode, should.mode);
    } else if (is.size != should.size) {
      detail = fmt::format("it has {} bytes, expected {}", is.size, should.size);
    } else if (is.link_target != should.link_target) {
      detail = fmt::format("it leads to {}, expected {}", Quoted(is.link_target), Quoted(should.link_target));
    } else if (depth_ == CheckDepth::kQuick && (is.mtime_s != should.mtime_s || is.mtime_ns != should.mtime_ns)) {
      detail = "it was written to since it was unpacked";
    }
    if (detail.empty()) return true;
    Fault(What::kChanged, is.path, std::move(detail));
    return false;
  }

  CheckDepth depth_;
  const DigestProgress& progress_;
  std::vector<RuntimeFault> faults_;
};

}  // namespace

Result<std::vector<RuntimeFault>> CheckRootfs(const std::string& target, CheckDepth depth, const std::string& identity, const DigestProgress& progress) {
  return Checker(depth, progress).Run(target, identity);
}

}  // namespace fumehood
