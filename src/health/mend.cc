#include "src/health/mend.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/executor/local/kept_box.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// The one word in a file of /proc or /sys; "" where it is not there.
std::string Switch(const char* path) {
  const auto text = ReadFile(kHere, path);
  if (!text) return "";
  const std::vector<std::string> words = SplitWords(*text);
  return words.empty() ? "" : words[0];
}

struct MountedFileSystem {
  std::string type, source, point;
};

// mountinfo: the fourth field is what of it is shown, the fifth where, and after " - " type and source (proc_pid_mountinfo(5)).
// Only file systems that can have project quotas; empty where `path` lies on another one.
MountedFileSystem FileSystemOf(const std::string& path) {
  MountedFileSystem found;
  const auto info = FindStat(kHere, path, true);
  const auto text = ReadFile(kHere, "/proc/self/mountinfo");
  if (!info || !*info || !text) return found;
  for (const std::string& line : Split(*text, '\n')) {
    const std::vector<std::string> fields = SplitWords(line);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields[3] != "/" || std::distance(dash, fields.end()) < 3) continue;
    if (*(dash + 1) != "xfs" && *(dash + 1) != "ext4") continue;
    const auto top = FindStat(kHere, fields[4], true);
    if (top && *top && (*top)->st_dev == (*info)->st_dev) found = {*(dash + 1), *(dash + 2), fields[4]};
  }
  return found;
}

// Ubuntu 24.04 grants user namespaces to programs with a profile that says so, by their paths. For this program and the keeper
// beside it.
std::string ApparmorCommand() {
  const auto keeper = FindKeeper();
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  const std::string program(self, length > 0 ? static_cast<size_t>(length) : 0);
  return fmt::format("printf 'abi <abi/4.0>,\\nprofile fumehood \"{{{},{}}}\" flags=(unconfined) {{\\n  userns,\\n}}\\n' | sudo tee "
                     "/etc/apparmor.d/fumehood && sudo apparmor_parser -r /etc/apparmor.d/fumehood", program, keeper ? *keeper : "");
}

}  // namespace

std::string MendCgroups(const std::string& why) {
  // The place that was looked for knows it better where it names a command.
  if (why.find('`') != std::string::npos) return why.substr(why.find('`') + 1, why.rfind('`') - why.find('`') - 1);
  if (geteuid() == 0) return "run on the host itself, or give the container a writable cgroup file system (docker run --cgroupns=private "
                             "--privileged)";
  return fmt::format("sudo fumehood setup --user {}", geteuid());
}

std::string MendNamespaces() {
  if (Switch("/proc/sys/kernel/unprivileged_userns_clone") == "0") return "sudo sysctl -w kernel.unprivileged_userns_clone=1";
  if (Switch("/proc/sys/user/max_user_namespaces") == "0") return "sudo sysctl -w user.max_user_namespaces=15000";
  if (Switch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return ApparmorCommand();
  }
  return "an outer container or a security module refuses them: run on the host itself, or start the container with "
         "--security-opt seccomp=unconfined --security-opt apparmor=unconfined";
}

std::string MendLandlock() {
  const std::string modules = Switch("/sys/kernel/security/lsm");
  return fmt::format("add lsm=landlock{} to GRUB_CMDLINE_LINUX in /etc/default/grub, then: sudo update-grub && sudo reboot",
                     modules.empty() ? ",..." : "," + modules);
}

std::string MendFilesystem() {
  return "set FUMEHOOD_STATE to a directory on a local disk (ext4, xfs, btrfs), for instance: export FUMEHOOD_STATE=/var/tmp/fumehood-state";
}

std::string MendDiskQuota(const std::string& state_dir) {
  const MountedFileSystem disk = FileSystemOf(state_dir);
  const std::string at_start = disk.point == "/" ? "rootflags=prjquota in GRUB_CMDLINE_LINUX of /etc/default/grub"
                                                 : "prjquota among its options in /etc/fstab";
  if (disk.type == "xfs") {
    if (disk.point == "/") return at_start + ", then: sudo update-grub && sudo reboot";
    return fmt::format("sudo umount {0} && sudo mount -o prjquota {1} {0}, and {2}", disk.point, disk.source, at_start);
  }
  if (disk.type == "ext4") {
    const std::string tune = fmt::format("tune2fs -O project,quota -Q prjquota {}", disk.source);
    if (disk.point == "/") return fmt::format("`{}` from a rescue system, then {}", tune, at_start);
    return fmt::format("sudo umount {0} && sudo {3} && sudo mount -o prjquota {1} {0}, and {2}", disk.point, disk.source, at_start, tune);
  }
  return "set FUMEHOOD_STATE to a directory on XFS or ext4 that is mounted with the option prjquota";
}

std::string MendState(const std::string& state_dir) {
  constexpr uint64_t kMiB = 1 << 20;
  if (HasNoRoom(state_dir, kMiB)) {
    return fmt::format("make room on the disk of {}: fumehood gc --older-than 0, or set FUMEHOOD_STATE to a directory on another disk", Quoted(state_dir));
  }
  return fmt::format("give yourself a state directory that you can write, for instance: export FUMEHOOD_STATE=$HOME/fumehood-state (now {})",
                     Quoted(state_dir));
}

}  // namespace fumehood
