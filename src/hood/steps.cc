#include "src/hood/steps.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "src/hood/landlock.h"
#include "src/hood/seccomp_filter.h"

namespace fumehood {
namespace {

uint64_t MountAttributes(uint32_t flags) {
  uint64_t attributes = 0;
  if ((flags & kTreeReadOnly) != 0) attributes |= MOUNT_ATTR_RDONLY;
  if ((flags & kTreeNoExec) != 0) attributes |= MOUNT_ATTR_NOEXEC;
  if ((flags & kTreeNoDev) != 0) attributes |= MOUNT_ATTR_NODEV;
  if ((flags & kTreeNoSuid) != 0) attributes |= MOUNT_ATTR_NOSUID;
  return attributes;
}

int SetAttributes(int fd, uint64_t attributes, bool recursive, int idmap_fd) {
  struct mount_attr change {};
  change.attr_set = attributes;
  change.propagation = MS_PRIVATE;
  if (idmap_fd >= 0) {
    change.attr_set |= MOUNT_ATTR_IDMAP;
    change.userns_fd = static_cast<uint64_t>(idmap_fd);
  }
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  return mount_setattr(fd, "", flags, &change, sizeof change) == 0 ? 0 : errno;
}

// The file that was checked when the run was prepared must be the file that is shown.
bool IsFile(int fd, const char* device_and_inode) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return false;
  char* end = nullptr;
  const unsigned long long device = strtoull(device_and_inode, &end, 10);
  const unsigned long long inode = strtoull(end, nullptr, 10);
  return info.st_dev == device && info.st_ino == inode;
}

int OpenTree(const char* path, bool recursive, int* fd) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
  *fd = open_tree(AT_FDCWD, path, flags);
  return *fd >= 0 ? 0 : errno;
}

// The directory that holds `path`, found as the run will find it. A link on the way may be an image's, and "/" in it is the new
// root, though this process' own root is still the host's.
class Parent {
 public:
  explicit Parent(const std::string& path) : name_(path.c_str()) {
    const size_t last = path.find_last_not_of('/');  // one at the end is part of the name
    const size_t slash = last == std::string::npos ? last : path.rfind('/', last);
    if (slash == std::string::npos || slash == 0) return;
    name_ += slash + 1;
    char directory[PATH_MAX];
    if (slash >= sizeof directory) {
      error_ = ENAMETOOLONG;
      return;
    }
    memcpy(directory, path.data(), slash);
    directory[slash] = 0;
    struct open_how how {};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    do {
      fd_ = static_cast<int>(syscall(SYS_openat2, AT_FDCWD, directory, &how, sizeof how));
    } while (fd_ < 0 && (errno == EINTR || errno == EAGAIN));  // EAGAIN: a rename somewhere made the kernel unsure
    if (fd_ < 0) error_ = errno;
  }
  Parent(const Parent&) = delete;
  Parent& operator=(const Parent&) = delete;
  ~Parent() {
    if (fd_ >= 0) close(fd_);
  }

  int error() const { return error_; }
  int fd() const { return fd_ >= 0 ? fd_ : AT_FDCWD; }
  const char* name() const { return name_; }

 private:
  const char* name_;
  int fd_ = -1;
  int error_ = 0;
};

int AttachFd(int fd, const std::string& path) {
  const Parent parent(path);
  if (parent.error() != 0) return parent.error();
  return move_mount(fd, "", parent.fd(), parent.name(), MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : errno;
}

// `lines`: "key=value" or "flag", one a line.
int Configure(int context, const char* lines) {
  int error = 0;
  char line[4096];  // overlay takes no option longer than a page
  while (*lines != 0 && error == 0) {
    const size_t length = strcspn(lines, "\n");
    if (length >= sizeof line) error = E2BIG;
    if (error != 0) break;
    memcpy(line, lines, length);
    line[length] = 0;
    lines += length + (lines[length] == '\n' ? 1 : 0);
    char* value = strchr(line, '=');
    if (value != nullptr) *value++ = 0;
    if (fsconfig(context, value != nullptr ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, line, value, 0) != 0) error = errno;
  }
  return error;
}

// Makes a file system instance; gives its detached mount.
int MakeFileSystem(const char* type, const char* lines, unsigned attributes, int* mount_fd) {
  const int context = fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return errno;
  int error = Configure(context, lines);
  if (error == 0 && fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) error = errno;
  if (error == 0) {
    *mount_fd = fsmount(context, FSMOUNT_CLOEXEC, attributes);
    if (*mount_fd < 0) error = errno;
  }
  close(context);
  return error;
}

int MountFileSystem(const char* type, const HoodStep& step, unsigned attributes) {
  int fd = -1;
  int error = MakeFileSystem(type, step.text.c_str(), attributes, &fd);
  if (error == 0) error = AttachFd(fd, step.path);
  if (fd >= 0) close(fd);
  return error;
}

int NewRoot(const HoodStep& step) {
  // In our own mount namespace nothing is to travel back to the host, or from it.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
  int fd = -1;
  int error = MakeFileSystem("tmpfs", step.text.c_str(), MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, &fd);
  // A mount needs a hook. Over "/" it hides nothing: a walk begins at the root that we had, below it, and what the run is to see
  // can still be taken from there.
  if (error == 0 && move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) error = errno;
  if (error == 0 && fchdir(fd) != 0) error = errno;
  if (fd >= 0) close(fd);
  return error;
}

int MakeDirStep(const HoodStep& step) {
  const Parent parent(step.path);
  if (parent.error() != 0) return parent.error();
  return mkdirat(parent.fd(), parent.name(), static_cast<mode_t>(step.number)) == 0 || errno == EEXIST ? 0 : errno;
}

int WriteFileStep(const HoodStep& step) {
  const mode_t mode = step.number != 0 ? static_cast<mode_t>(step.number) : 0444;
  const bool optional = (step.flags & kTreeOptional) != 0;  // a file of the kernel's, which may lack it
  const Parent parent(step.path);
  if (parent.error() != 0) return optional && parent.error() == ENOENT ? 0 : parent.error();
  const int fd = openat(parent.fd(), parent.name(), O_WRONLY | (optional ? 0 : O_CREAT) | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return optional && errno == ENOENT ? 0 : errno;
  const bool whole = step.text.empty() || write(fd, step.text.data(), step.text.size()) == static_cast<ssize_t>(step.text.size());
  const int error = whole ? 0 : errno;
  close(fd);
  return error;
}

int Reconfigure(const HoodStep& step) {
  const int context = fspick(AT_FDCWD, step.path.c_str(), FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);
  if (context < 0) return errno;
  int error = Configure(context, step.text.c_str());
  if (error == 0 && fsconfig(context, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) != 0) error = errno;
  close(context);
  return error;
}

int AttachStep(const HoodStep& step, TreeSlots* slots) {
  int& fd = slots->fds[step.slot];
  if (fd < 0) return (step.flags & kTreeOptional) != 0 ? 0 : EBADF;
  const int error = AttachFd(fd, step.path);
  close(fd);
  fd = -1;
  return error;
}

bool IsAbsent(const std::string& path) {
  const Parent parent(path);
  if (parent.error() != 0) return parent.error() == ENOENT;
  return faccessat(parent.fd(), parent.name(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

int MakeLink(const HoodStep& step) {
  const Parent parent(step.path);
  if (parent.error() != 0) return parent.error();
  return symlinkat(step.text.c_str(), parent.fd(), parent.name()) == 0 ? 0 : errno;
}

int AttachFrom(const HoodStep& step) {
  // What this kernel does not have needs no mask. Asked first: a tree that was taken in vain costs a grace period to let go.
  if ((step.flags & kTreeOptional) != 0 && IsAbsent(step.path)) return 0;
  int fd = -1;
  int error = OpenTree(step.text.c_str(), true, &fd);
  if (error == 0) error = SetAttributes(fd, MountAttributes(step.flags), true, -1);
  if (error == 0) error = AttachFd(fd, step.path);
  if (fd >= 0) close(fd);
  return error == ENOENT && (step.flags & kTreeOptional) != 0 ? 0 : error;
}

int EnterRoot() {
  // The old root ends up stacked over the new one and is then let go (pivot_root(2), "new_root and put_old may be the same").
  if (syscall(SYS_pivot_root, ".", ".") != 0) return errno;
  if (umount2(".", MNT_DETACH) != 0) return errno;
  return chdir("/") == 0 ? 0 : errno;
}

int SealRoot() {
  struct mount_attr change {};
  change.attr_set = MOUNT_ATTR_RDONLY;
  return mount_setattr(AT_FDCWD, "/", 0, &change, sizeof change) == 0 ? 0 : errno;
}

int LoopbackUp() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  struct ifreq request {};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  const int error = ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
  close(fd);
  return error;
}

int SetRlimit(const HoodStep& step) {
  char* end = nullptr;
  struct rlimit limit {};
  limit.rlim_cur = strtoull(step.text.c_str(), &end, 10);
  limit.rlim_max = strtoull(end, nullptr, 10);
  struct rlimit now {};
  if (getrlimit(static_cast<__rlimit_resource_t>(step.number), &now) != 0) return errno;
  // What the submitter may not have, the run has not either: a lower hard limit stays.
  if (limit.rlim_max > now.rlim_max) limit.rlim_max = now.rlim_max;
  if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
  return setrlimit(static_cast<__rlimit_resource_t>(step.number), &limit) == 0 ? 0 : errno;
}

int JoinKeyring() {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0) return 0;
  return errno == ENOSYS ? 0 : errno;  // a kernel without keys has none to leak
}

int BoundCapabilities() {
  // While CAP_SETPCAP is still there. Locked, so that uid 0 of a nested user namespace means nothing either.
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                             SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) != 0) return errno;
  for (unsigned long cap = 0;; ++cap) {
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return errno == EINVAL && cap > CAP_SETPCAP ? 0 : errno;  // past the last one
  }
}

int DropCapabilities() {
  struct __user_cap_header_struct header {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  return syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

}  // namespace

int OpenTreeStep(const HoodStep& step, int idmap_fd, TreeSlots* slots) {
  const bool recursive = (step.flags & kTreeRecursive) != 0;
  int fd = -1;
  int error = OpenTree(step.path.c_str(), recursive, &fd);
  if (error != 0) return error == ENOENT && (step.flags & kTreeOptional) != 0 ? 0 : error;
  if ((step.flags & kTreeSameFile) != 0 && !IsFile(fd, step.text.c_str())) error = ESTALE;
  const bool map_ids = (step.flags & kTreeIdMap) != 0 && idmap_fd >= 0;
  if (error == 0) error = SetAttributes(fd, MountAttributes(step.flags), recursive, map_ids ? idmap_fd : -1);
  // A file system that cannot show other owners (or a mount below it that cannot): the run's uid gets what anybody gets.
  if (map_ids && (error == EINVAL || error == EPERM || error == EOPNOTSUPP)) {
    error = SetAttributes(fd, MountAttributes(step.flags), recursive, -1);
  }
  if (error != 0) {
    close(fd);
    return error;
  }
  slots->fds[step.slot] = fd;
  return 0;
}

int ApplyStep(const HoodStep& step, TreeSlots* slots) {
  switch (step.op) {
    case Op::kOpenTree: return OpenTreeStep(step, -1, slots);
    case Op::kNewRoot: return NewRoot(step);
    case Op::kMakeDir: return MakeDirStep(step);
    case Op::kMakeFile:
    case Op::kWriteFile: return WriteFileStep(step);
    case Op::kSymlink: return MakeLink(step);
    case Op::kAttach: return AttachStep(step, slots);
    case Op::kAttachFrom: return AttachFrom(step);
    case Op::kOverlay: return MountFileSystem("overlay", step, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
    case Op::kTmpfs: return MountFileSystem("tmpfs", step, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
    case Op::kReconfigure: return Reconfigure(step);
    case Op::kProc: return MountFileSystem("proc", step, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    case Op::kDevPts: return MountFileSystem("devpts", step, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    case Op::kDetach: return umount2(step.path.c_str(), MNT_DETACH) == 0 ? 0 : errno;
    case Op::kRemoveDir: return rmdir(step.path.c_str()) == 0 ? 0 : errno;
    case Op::kEnterRoot: return EnterRoot();
    case Op::kSealRoot: return SealRoot();
    case Op::kLoopbackUp: return LoopbackUp();
    case Op::kHostName: return sethostname(step.text.data(), step.text.size()) == 0 ? 0 : errno;
    case Op::kRlimit: return SetRlimit(step);
    case Op::kJoinKeyring: return JoinKeyring();
    case Op::kNotDumpable: return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
    case Op::kBoundCapabilities: return BoundCapabilities();
    case Op::kDropCapabilities: return DropCapabilities();
    case Op::kNoNewPrivileges: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
    case Op::kLandlock: return ApplyLandlockLines(step.text.c_str());
    case Op::kSeccomp: return LoadSeccompFilter();
  }
  return ENOSYS;
}

}  // namespace fumehood
