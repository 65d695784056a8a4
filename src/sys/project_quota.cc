#include "src/sys/project_quota.h"

#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "src/sys/errno_error.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443  // the same number on every architecture (Linux 5.14)
#endif

namespace fumehood {
namespace {

// By descriptor, not by block device: in a container the device has no node, and no path can be exchanged. The general commands
// serve XFS and ext4 alike, and so does XFS' one for the state.
int Control(int fd, int command, uint32_t project, void* data) {
  const auto whole = static_cast<unsigned>(QCMD(command, PRJQUOTA));
  return static_cast<int>(syscall(SYS_quotactl_fd, fd, whole, project, data));
}

constexpr int64_t kBlock = 1024;  // of limits in struct if_dqblk: QIF_DQBLKSIZE, which not every libc's headers have
int64_t BlocksOf(int64_t bytes) { return (bytes + kBlock - 1) / kBlock; }

}  // namespace

bool EnforcesProjectQuota(int fd) {
  fs_quota_statv state{};
  state.qs_version = FS_QSTATV_VERSION1;
  return Control(fd, Q_XGETQSTATV, 0, &state) == 0 && (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

Result<uint32_t> ProjectOf(int dir) {
  fsxattr attributes{};
  if (ioctl(dir, FS_IOC_FSGETXATTR, &attributes) == 0) return static_cast<uint32_t>(attributes.fsx_projid);
  const int error = errno;
  if (error == ENOTTY || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS) return kNoProject;
  return ErrnoError(error, "ask for the quota project of a directory");
}

Result<void> SetProject(int dir, uint32_t project) {
  fsxattr attributes{};
  if (ioctl(dir, FS_IOC_FSGETXATTR, &attributes) != 0) return ErrnoError(errno, "ask for the quota project of a directory");
  attributes.fsx_projid = project;
  constexpr uint32_t kInherit = FS_XFLAG_PROJINHERIT;
  attributes.fsx_xflags = project == kNoProject ? attributes.fsx_xflags & ~kInherit : attributes.fsx_xflags | kInherit;
  if (ioctl(dir, FS_IOC_FSSETXATTR, &attributes) != 0) return ErrnoError(errno, fmt::format("put a directory into quota project {}", project));
  return {};
}

Result<ProjectUse> ReadProject(int fd, uint32_t project) {
  if_dqblk quota{};
  if (Control(fd, Q_GETQUOTA, project, &quota) != 0) {
    const int error = errno;
    // XFS has no entry for a project that nothing belongs to.
    return error == ENOENT ? Result<ProjectUse>(ProjectUse{}) : ErrnoError(error, fmt::format("read quota project {}", project));
  }
  ProjectUse use;
  use.bytes = static_cast<int64_t>(quota.dqb_curspace);
  use.inodes = static_cast<int64_t>(quota.dqb_curinodes);
  use.limit_bytes = static_cast<int64_t>(quota.dqb_bhardlimit) * kBlock;
  use.limit_inodes = static_cast<int64_t>(quota.dqb_ihardlimit);
  return use;
}

Result<void> LimitProject(int fd, uint32_t project, int64_t bytes, int64_t inodes) {
  if_dqblk quota{};
  quota.dqb_bhardlimit = static_cast<uint64_t>(BlocksOf(bytes));
  quota.dqb_ihardlimit = static_cast<uint64_t>(inodes);
  quota.dqb_valid = QIF_LIMITS;
  if (Control(fd, Q_SETQUOTA, project, &quota) != 0) return ErrnoError(errno, fmt::format("set the limits of quota project {}", project));
  return {};
}

}  // namespace fumehood
