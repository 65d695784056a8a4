// HoodPlan: what will be done to seal one run, as a value. Planned in the launching program (pure, tested as text, printed by
// `fumehood explain`), walked in the child between clone and exec, where nothing may be allocated.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fumehood {

// The layers of DESIGN.md section 6, to which each step belongs.
enum class Layer : uint8_t {
  kMemory, kCpu, kPids, kNamespaces, kFilesystem, kPrivileges, kSeccomp, kLandlock, kNetwork, kDisk,
};
inline constexpr std::array kLayerNames = {"memory",     "cpu",     "pids",     "namespaces", "filesystem",
                                           "privileges", "seccomp", "landlock", "network",    "disk"};

enum class Op : uint8_t {
  kOpenTree,      // slot <- detached copy of the mount tree at `path`; flags: kTree*
  kNewRoot,       // a tmpfs becomes the working directory, the future root; text: its options
  kMakeDir,       // path; number: mode
  kMakeFile,      // path: an empty file to mount upon; number: mode
  kWriteFile,     // path, text; kTreeOptional: only where the file is
  kSymlink,       // path -> text
  kAttach,        // path <- slot; kTreeOptional: nothing happens where the slot is empty
  kAttachFrom,    // path <- the file or directory `text` inside the new root
  kOverlay,       // path <- overlay; text: lowerdir, upperdir, workdir as "key=value" lines
  kTmpfs,         // path; text: options as lines
  kReconfigure,   // the file system at path; text: options as lines
  kProc,          // path
  kDevPts,        // path
  kDetach,        // unmount path (a stage that is not wanted any more)
  kRemoveDir,     // path
  kEnterRoot,     // pivot_root, the old root is let go
  kSealRoot,      // the root becomes read-only
  kLoopbackUp,
  kHostName,      // text
  kRlimit,        // number: resource; text: "soft hard"
  kJoinKeyring,   // an empty session keyring
  kNotDumpable,
  kBoundCapabilities,  // none can be gained any more, also not by a set-user-id program
  kDropCapabilities,   // those that are held
  kNoNewPrivileges,
  kLandlock,      // text: writable paths, one a line
  kSeccomp,
};

enum TreeFlag : uint32_t {
  kTreeReadOnly = 1,
  kTreeNoExec = 2,
  kTreeNoDev = 4,
  kTreeNoSuid = 8,
  kTreeOptional = 16,   // absent on this host is fine
  kTreeRecursive = 32,
  kTreeIdMap = 64,      // owned by the run's uid as it sees it, where the submitter is root
  kTreeSameFile = 128,  // must still be the file that was checked: text is "device inode"
};

struct HoodStep {
  Op op;
  Layer layer;
  bool ahead = false;  // the same for every run of this submitter: done before it is known which run it will be for
  uint32_t flags = 0;
  int32_t slot = -1;
  int64_t number = 0;
  std::string path;  // inside the new root relative to it; of kOpenTree: on the host
  std::string text;
};

inline constexpr int kMaxSlots = 128;

// Namespaces, as CLONE_NEW* would have it but without a kernel header.
enum NamespaceFlag : uint32_t {
  kNsUser = 1, kNsMount = 2, kNsPid = 4, kNsIpc = 8, kNsUts = 16, kNsNet = 32, kNsCgroup = 64, kNsTime = 128,
};
inline constexpr std::array kNamespaceNames = {"user", "mount", "pid", "ipc", "uts", "net", "cgroup", "time"};

struct HoodPlan {
  uint32_t namespaces = 0;
  int64_t uid_inside = 1000;
  int64_t gid_inside = 1000;
  std::vector<HoodStep> steps;           // those that are done ahead come first
  std::string cwd;
  std::vector<std::string> executables;  // tried in order: the places of argv[0] on PATH
  std::vector<std::string> argv;
  std::vector<std::string> env;          // "K=V"; may hold secrets
};

// Takes the steps that are done ahead out of `plan`, and gives them as a plan without a command.
HoodPlan TakeBoxPlan(HoodPlan& plan);

// One line, for `explain` and for the message when the step fails: "attach /usr (read-only)".
std::string Describe(const HoodStep& step);
std::string DescribePlan(const HoodPlan& plan);  // without the environment's values

}  // namespace fumehood
