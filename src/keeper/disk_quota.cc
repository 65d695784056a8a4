#include "src/keeper/disk_quota.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/project_quota.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;
// Above what administrators give out by hand, and what container engines count up from theirs. No more numbers than that, since
// XFS keeps a record of each that was ever used: 140 MB for all of these.
constexpr uint32_t kFirstProject = 1U << 30;
constexpr uint32_t kProjects = 1U << 20;
constexpr int kAttempts = 64;
// A write of one page more is refused with so much left at most, wherever the file system has to put the page.
constexpr int64_t kLastPages = 64 * 1024;

bool IsOurs(uint32_t project) { return project >= kFirstProject && project < kFirstProject + kProjects; }

// FNV-1a: run ids of one moment differ at their ends only.
uint32_t HashOf(const std::string& text) {
  uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

// What every run writes into, and what this one does besides: inputs that may change.
std::set<std::string> WrittenDirs(const KeeperOrder& order) {
  std::set<std::string> names = {layout::kWork, layout::kOverlay, layout::kTmp, layout::kRunTmp, layout::kRunHome};
  names.insert(order.own_dirs.begin(), order.own_dirs.end());
  return names;
}

Result<std::vector<Fd>> OpenAll(int attempt_dir, const std::set<std::string>& names) {
  std::vector<Fd> dirs;
  for (const std::string& name : names) {
    FH_ASSIGN_OR_RETURN(Fd dir, OpenBeneath(attempt_dir, name, O_RDONLY | O_DIRECTORY));
    dirs.push_back(std::move(dir));
  }
  return dirs;
}

Result<void> Mark(const std::vector<Fd>& dirs, uint32_t project) {
  for (const Fd& dir : dirs) FH_TRY(SetProject(dir.get(), project));
  return {};
}

// Full of others' files: a number that somebody else has, with limits of theirs.
bool IsFull(const Error& error) { return error.errno_value() == EDQUOT || error.errno_value() == ENOSPC; }

// Marks the directories with a number that nothing else has. On an error they are as they were.
Result<uint32_t> TakeProject(const std::vector<Fd>& dirs, const std::string& run_id) {
  Result<void> failed;
  for (uint32_t i = 0; i < kAttempts && failed; ++i) {
    const uint32_t project = kFirstProject + (HashOf(run_id) + i) % kProjects;
    const Result<void> marked = Mark(dirs, project);
    if (!marked && IsFull(marked.error())) continue;
    const auto use = marked ? ReadProject(dirs[0].get(), project) : Result<ProjectUse>(marked.error());
    if (!use) failed = use.error();
    if (use && use->inodes == static_cast<int64_t>(dirs.size())) return project;
  }
  (void)Mark(dirs, kNoProject);  // the first error is the one that is told
  if (!failed) return std::move(failed).error();
  return Error(ErrorCode::kResourceExhausted,
               "no quota project is free on the file system of the state directory: `fumehood gc` removes old runs, which have one each");
}

// The kernel makes up to five directories in the scratch directory of an overlay: work, index, and what marks a volatile one.
int64_t MadeByOverlays(const std::set<std::string>& names) {
  return 5 * std::count_if(names.begin(), names.end(), [](const std::string& name) { return name.ends_with(layout::kOverlay); });
}

}  // namespace

Result<DiskQuota> DiskQuota::Start(const KeeperOrder& order, int attempt_dir) {
  if (!EnforcesProjectQuota(attempt_dir)) {
    return Error(ErrorCode::kUnsupported, "the file system of the state directory enforces no project quotas; `fumehood doctor` "
                                          "says what mends that");
  }
  FH_ASSIGN_OR_RETURN(const uint32_t around, ProjectOf(attempt_dir));
  if (around != kNoProject) {
    return Error(ErrorCode::kUnsupported, fmt::format("the state directory is under a quota of its own (project {}), which a run must "
                                                      "not leave", around));
  }
  const std::set<std::string> names = WrittenDirs(order);
  FH_ASSIGN_OR_RETURN(const std::vector<Fd> dirs, OpenAll(attempt_dir, names));
  DiskQuota quota;
  FH_ASSIGN_OR_RETURN(quota.attempt_, OpenDir(attempt_dir, "."));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(quota.attempt_));
  quota.device_ = info.st_dev;
  auto warnings = QuotaWarnings::Open();
  if (warnings) quota.warnings_ = std::move(*warnings);  // without them, by what is used alone
  FH_ASSIGN_OR_RETURN(const uint32_t project, TakeProject(dirs, order.run_id));
  quota.project_ = project;  // from here on the destructor lifts its limits
  FH_ASSIGN_OR_RETURN(const ProjectUse own, ReadProject(attempt_dir, project));
  quota.own_.bytes = own.bytes;
  quota.own_.inodes = own.inodes + MadeByOverlays(names);
  quota.limit_bytes_ = order.limits.disk_limit_mb * kMiB + quota.own_.bytes;
  quota.limit_inodes_ = order.limits.inode_limit > 0 ? order.limits.inode_limit + quota.own_.inodes : 0;
  const Result<void> limited = LimitProject(attempt_dir, project, quota.limit_bytes_, quota.limit_inodes_);
  if (limited && quota.Measure()) return quota;
  quota.Lift();
  (void)Mark(dirs, kNoProject);
  return limited ? Error(ErrorCode::kUnsupported, "the quota that was set could not be read back") : limited.error();
}

std::optional<DiskUse> DiskQuota::Measure() {
  const auto now = ReadProject(attempt_.get(), project_);
  if (!now || now->limit_inodes != limit_inodes_) return std::nullopt;
  // File systems round limits to their blocks.
  if (now->limit_bytes == 0 || std::abs(now->limit_bytes - limit_bytes_) > kLastPages || !EnforcesProjectQuota(attempt_.get())) return std::nullopt;
  if (warnings_) {
    const QuotaRefusals more = warnings_->Read(project_, device_);
    refused_ = {refused_.bytes || more.bytes, refused_.inodes || more.inodes};
  }
  refused_.bytes = refused_.bytes || now->bytes + kLastPages >= limit_bytes_;
  refused_.inodes = refused_.inodes || (limit_inodes_ > 0 && now->inodes >= limit_inodes_);
  DiskUse use;
  use.bytes = std::max<int64_t>(0, now->bytes - own_.bytes);
  use.inodes = std::max<int64_t>(0, now->inodes - own_.inodes);
  return use;
}

void DiskQuota::Lift() {
  if (!attempt_.valid() || project_ == kNoProject) return;
  (void)LimitProject(attempt_.get(), project_, 0, 0);  // left in force it limits nothing but what this run has left
  attempt_.Reset();
}

Result<std::unique_ptr<DiskQuota>> LimitDisk(const KeeperOrder& order, int attempt_dir) {
  if (order.disk_method == "sampled") return std::unique_ptr<DiskQuota>();
  auto quota = DiskQuota::Start(order, attempt_dir);
  if (quota) return std::make_unique<DiskQuota>(std::move(*quota));
  if (order.disk_method == "auto") return std::unique_ptr<DiskQuota>();
  return std::move(quota).error();
}

void LiftDiskQuota(int attempt_dir) {
  const auto work = OpenBeneath(attempt_dir, layout::kWork, O_RDONLY | O_DIRECTORY);
  const auto project = work ? ProjectOf(work->get()) : Result<uint32_t>(kNoProject);
  if (project && IsOurs(*project)) (void)LimitProject(attempt_dir, *project, 0, 0);  // harms nobody where it stays
}

}  // namespace fumehood
