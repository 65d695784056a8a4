#include "src/hood/landlock.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fumehood {
namespace {

// The kernel's numbers that came after version 1, since the headers of older distributions lack them.
constexpr uint64_t kRefer = 1ULL << 13;              // version 2: move or link between directories
constexpr uint64_t kTruncate = 1ULL << 14;           // version 3
constexpr uint64_t kIoctlDevice = 1ULL << 15;        // version 5; 4 is about TCP ports
constexpr uint64_t kScopeAbstractSockets = 1ULL << 0;  // version 6
constexpr uint64_t kScopeSignals = 1ULL << 1;          // version 6; 7 is about audit

constexpr uint64_t kVersion1 = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                               LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                               LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                               LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                               LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;  // granted nowhere
// A rule on what is no directory may name these only.
constexpr uint64_t kOnFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                              kTruncate | kIoctlDevice;

// As the newest version has it: an older kernel takes the longer struct as long as what it does not know is 0. TCP is left
// alone: the network namespace decides about it, and loopback inside the run is useful.
struct RulesetAttributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

int Grant(int ruleset, const char* path, uint64_t rights) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : errno;
  struct stat info;
  int error = fstat(fd, &info) == 0 ? 0 : errno;
  if (error == 0) {
    const uint64_t access = S_ISDIR(info.st_mode) ? rights : rights & kOnFiles;
    const struct landlock_path_beneath_attr rule = {access, fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) error = errno;
  }
  (void)close(fd);  // an O_PATH descriptor has nothing to write back
  return error;
}

int GrantLines(int ruleset, const char* lines, uint64_t rights) {
  char path[PATH_MAX];
  while (*lines != '\0') {
    const size_t length = strcspn(lines, "\n");
    if (length >= sizeof path) return ENAMETOOLONG;
    if (lines[0] != '/') return EINVAL;
    memcpy(path, lines, length);
    path[length] = '\0';
    if (const int error = Grant(ruleset, path, rights); error != 0) return error;
    lines += length;
    if (*lines == '\n') ++lines;
  }
  return 0;
}

int Restrict(int ruleset, int abi, const char* writable_lines) {
  if (const int error = Grant(ruleset, "/", LandlockReadRights(abi)); error != 0) return error;
  if (const int error = GrantLines(ruleset, writable_lines, LandlockWriteRights(abi)); error != 0) return error;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  // No flag of version 7: by default the audit log hears of this process, not of the programs it executes, which could flood it.
  return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
}

}  // namespace

int LandlockAbi() {
  constexpr uint32_t kAskVersion = LANDLOCK_CREATE_RULESET_VERSION;
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

uint64_t LandlockFileRights(int abi) {
  if (abi < kLowestLandlockAbi) return 0;
  return kVersion1 | kRefer | (abi >= 3 ? kTruncate : 0) | (abi >= 5 ? kIoctlDevice : 0);
}

uint64_t LandlockReadRights(int abi) { return LandlockFileRights(abi) & kRead; }

uint64_t LandlockWriteRights(int abi) { return LandlockFileRights(abi) & ~kDevices; }

uint64_t LandlockScopes(int abi) { return abi >= 6 ? kScopeAbstractSockets | kScopeSignals : 0; }

int ApplyLandlock(int abi, const char* writable_lines) {
  if (abi < kLowestLandlockAbi) return 0;
  const RulesetAttributes attributes = {LandlockFileRights(abi), 0, LandlockScopes(abi)};
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (ruleset < 0) return errno;
  const int error = Restrict(static_cast<int>(ruleset), abi, writable_lines);
  (void)close(static_cast<int>(ruleset));  // nothing is lost with it
  return error;
}

int ApplyLandlockLines(const char* writable_lines) { return ApplyLandlock(LandlockAbi(), writable_lines); }

}  // namespace fumehood
