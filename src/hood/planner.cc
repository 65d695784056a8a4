#include "src/hood/planner.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

constexpr const char* kStage = ".stage";

// Kernel files that tell of the host or act on it, masked though the run's uid could hardly use them.
constexpr const char* kMaskedProcFiles[] = {"proc/kcore", "proc/keys", "proc/key-users", "proc/timer_list", "proc/sysrq-trigger",
                                            "proc/kmsg", "proc/kallsyms", "proc/interrupts", "proc/sched_debug",
                                            "proc/latency_stats", "proc/modules", "proc/config.gz"};
constexpr const char* kMaskedProcDirs[] = {"proc/acpi", "proc/scsi", "proc/asound", "proc/fs", "proc/irq", "proc/bus"};
constexpr const char* kDeviceNodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

std::string Relative(const std::string& absolute) { return absolute.substr(1); }

bool IsBeneath(const std::string& path, const std::string& directory) {
  return path == directory || (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

class Planner {
 public:
  explicit Planner(const HoodRequest& request) : request_(request) {}

  HoodPlan Plan() {
    plan_.uid_inside = request_.uid_inside;
    plan_.gid_inside = request_.gid_inside;
    plan_.cwd = request_.cwd;
    plan_.namespaces = kNsUser | kNsMount | kNsPid | kNsIpc | kNsUts | kNsNet | kNsCgroup | kNsTime;
    if (request_.network_host) plan_.namespaces &= ~static_cast<uint32_t>(kNsNet);
    PlanBox();
    ahead_ = false;
    for (const Showing& showing : request_.showings) showing_slots_.push_back(TakeShowing(showing));
    BoundSharedMemory();
    for (size_t i = 0; i < request_.showings.size(); ++i) Show(i);
    for (const std::string& path : request_.masked) MaskDirectory(path);
    EnterRoot();
    SetLimits();
    DropPrivileges();
    return std::move(plan_);
  }

 private:
  // Nothing here may depend on the run, but for its network: src/keeper/box.h.
  void PlanBox() {
    TakeTrees();
    BuildRoot();
    ShowSystem();
    ShowDevices();
    ShowProc();
    ShowPrivateDirectories();
    Add(Op::kHostName, Layer::kNamespaces, "", "fumehood");
    // 1, not 0: a core handler behind a pipe is started even for 0 (core(5)).
    Add(Op::kRlimit, Layer::kPrivileges, "", "1 1").number = RLIMIT_CORE;
    // Counted like what ShareOfUser() limits: a small part of what a user has in all.
    Add(Op::kRlimit, Layer::kPrivileges, "", "131072 131072").number = RLIMIT_MSGQUEUE;
    Add(Op::kRlimit, Layer::kPrivileges, "", "4096 4096").number = RLIMIT_SIGPENDING;
    Add(Op::kJoinKeyring, Layer::kPrivileges);
    Add(Op::kNoNewPrivileges, Layer::kPrivileges);  // before landlock and seccomp, which want it of the unprivileged
    Add(Op::kBoundCapabilities, Layer::kPrivileges);
    // Late: until here the network namespace may still be in the making (src/hood/child.h).
    if (!request_.network_host) Add(Op::kLoopbackUp, Layer::kNetwork);
  }

  HoodStep& Add(Op op, Layer layer, const std::string& path = "", const std::string& text = "") {
    plan_.steps.push_back({.op = op, .layer = layer, .ahead = ahead_, .path = path, .text = text});
    return plan_.steps.back();
  }
  HoodStep& AddFs(Op op, const std::string& path, const std::string& text = "") { return Add(op, Layer::kFilesystem, path, text); }

  int Take(const std::string& path, uint32_t flags) {
    HoodStep& step = AddFs(Op::kOpenTree, path);
    step.flags = flags;
    step.slot = next_slot_++;
    return step.slot;
  }

  void Attach(int slot, const std::string& path, uint32_t flags = 0) {
    HoodStep& step = AddFs(Op::kAttach, path);
    step.slot = slot;
    step.flags = flags;
  }

  void MakeDir(const std::string& path, int64_t mode = 0755) { AddFs(Op::kMakeDir, path).number = mode; }

  void MakeParents(const std::string& path) {
    for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      const std::string parent = path.substr(0, at);
      if (std::find(made_.begin(), made_.end(), parent) != made_.end()) continue;
      made_.push_back(parent);
      MakeDir(parent);
    }
  }

  void AttachFrom(const std::string& source, const std::string& path, uint32_t flags) {
    AddFs(Op::kAttachFrom, path, source).flags = flags;
  }

  void TakeTrees() {
    constexpr uint32_t kSystem = kTreeReadOnly | kTreeNoSuid | kTreeNoDev | kTreeRecursive;
    for (const SystemEntry& entry : request_.host.system) {
      const bool taken = entry.link_target.empty() && !entry.empty;
      system_slots_.push_back(taken ? Take(entry.source.empty() ? entry.path : entry.source, kSystem) : -1);
      if (!taken || entry.same_file.empty()) continue;
      plan_.steps.back().flags |= kTreeSameFile;
      plan_.steps.back().text = entry.same_file;
    }
    etc_slot_ = Take(request_.host.etc_tree, kSystem);
    for (const char* node : kDeviceNodes) node_slots_.push_back(Take(fmt::format("/dev/{}", node), kTreeNoSuid | kTreeNoExec));
    attempt_slot_ = Take(request_.attempt_dir, kTreeNoSuid | kTreeNoDev);
  }

  // A single file is shown out of an overlay of its directory, never by a bind of its own: locks and FIFOs would go through.
  int TakeShowing(const Showing& showing) {
    if (showing.how == Showing::How::kOwn) return -1;
    const bool directory = showing.identity.is_directory;
    const std::string path = directory ? showing.source : ParentOf(showing.source);
    const bool known = directory && showing.identity.inode != 0;
    const bool staged = showing.identity.inode == 0;  // given to the run's uid: nothing to map
    const int slot = Take(path, kTreeReadOnly | kTreeNoSuid | kTreeNoDev | (staged ? 0U : kTreeIdMap) | (known ? kTreeSameFile : 0U));
    HoodStep& step = plan_.steps.back();
    step.number = static_cast<int64_t>(showing.identity.owner_gid) << 32 | showing.identity.owner_uid;
    if (known) step.text = fmt::format("{} {}", showing.identity.device, showing.identity.inode);
    return slot;
  }

  static std::string ParentOf(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  void BuildRoot() {
    AddFs(Op::kNewRoot, "", "mode=755\nsize=4m\nnr_inodes=4096");
    MakeDir(kStage, 0711);
    AddFs(Op::kTmpfs, kStage, "mode=0711\nsize=64k");  // a mount of its own goes with all that is mounted in it
    MakeDir(StagePath("empty"), 0555);
    MakeDir(StagePath("attempt"));
    Attach(attempt_slot_, StagePath("attempt"));
  }

  static std::string StagePath(const std::string& name) { return fmt::format("{}/{}", kStage, name); }

  void ShowSystem() {
    for (size_t i = 0; i < request_.host.system.size(); ++i) {
      const SystemEntry& entry = request_.host.system[i];
      const std::string path = Relative(entry.path);
      MakeParents(path);
      if (!entry.link_target.empty()) {
        AddFs(Op::kSymlink, path, entry.link_target);
        continue;
      }
      MakeDir(path);
      if (!entry.empty) Attach(system_slots_[i], path, kTreeReadOnly);
    }
    MakeDir("etc");
    Attach(etc_slot_, "etc", kTreeReadOnly);
  }

  void ShowDevices() {
    MakeDir("dev");
    for (size_t i = 0; i < std::size(kDeviceNodes); ++i) {
      const std::string path = fmt::format("dev/{}", kDeviceNodes[i]);
      AddFs(Op::kMakeFile, path);
      Attach(node_slots_[i], path);
    }
    MakeDir("dev/pts");
    AddFs(Op::kDevPts, "dev/pts", "newinstance\nptmxmode=0666\nmode=0620");
    AddFs(Op::kSymlink, "dev/ptmx", "pts/ptmx");
    AddFs(Op::kSymlink, "dev/fd", "/proc/self/fd");
    AddFs(Op::kSymlink, "dev/stdin", "/proc/self/fd/0");
    AddFs(Op::kSymlink, "dev/stdout", "/proc/self/fd/1");
    AddFs(Op::kSymlink, "dev/stderr", "/proc/self/fd/2");
    MakeDir("dev/shm");
    AddFs(Op::kTmpfs, "dev/shm", "mode=1777");
  }

  // Its pages count as the run's memory; the bound is for `df` and for programs that ask.
  void BoundSharedMemory() {
    if (request_.memory_bytes > 0) AddFs(Op::kReconfigure, "dev/shm", fmt::format("size={}", request_.memory_bytes));
  }

  void ShowProc() {
    MakeDir("proc");
    AddFs(Op::kProc, "proc");
    ShareOfUser();
    AttachFrom("proc/sys", "proc/sys", kTreeReadOnly | kTreeOptional);
    for (const char* path : kMaskedProcFiles) AttachFrom("dev/null", path, kTreeReadOnly | kTreeOptional);
    for (const char* path : kMaskedProcDirs) AttachFrom(StagePath("empty"), path, kTreeReadOnly | kTreeOptional);
  }

  // The kernel counts these for whoever made the user namespace too, for root as well: all the host's programs of that user
  // share some 128 inotify instances, and one run could take them all. While /proc/sys can be written.
  void ShareOfUser() {
    Add(Op::kWriteFile, Layer::kNamespaces, "proc/sys/user/max_inotify_instances", "16").flags = kTreeOptional;
    Add(Op::kWriteFile, Layer::kNamespaces, "proc/sys/user/max_inotify_watches", "8192").flags = kTreeOptional;
  }

  void ShowPrivateDirectories() {
    MakeDir("tmp", 01777);
    AttachFrom(StagePath("attempt/tmp/tmp"), "tmp", kTreeNoSuid | kTreeNoDev);
    MakeDir("home");
    MakeDir("home/analysis");
    AttachFrom(StagePath("attempt/tmp/home"), "home/analysis", kTreeNoSuid | kTreeNoDev);
    MakeDir("run");
    MakeDir("var");
    made_.insert(made_.end(), {"tmp", "run", "home", "var", "usr", "etc", "dev", "proc"});
    AddFs(Op::kSymlink, "var/tmp", "/tmp");
  }

  void Show(size_t index) {
    const Showing& showing = request_.showings[index];
    const std::string target = Relative(showing.target);
    MakeParents(target);
    if (showing.identity.is_directory) {
      MakeDir(target);
    } else {
      AddFs(Op::kMakeFile, target);
    }
    if (showing.how == Showing::How::kOwn) {
      AttachFrom(StagePath("attempt/" + showing.source), target, kTreeNoSuid | kTreeNoDev);
      return;
    }
    const std::string lower = StagePath(fmt::format("lower{}", index));
    MakeDir(lower);
    Attach(showing_slots_[index], lower);
    const std::string place = showing.identity.is_directory ? target : StagePath(fmt::format("file{}", index));
    if (place != target) MakeDir(place);
    Overlay(showing, lower, place);
    if (place == target) return;
    const uint32_t flags = showing.how == Showing::How::kReadOnly ? kTreeReadOnly : 0U;
    AttachFrom(place + showing.source.substr(showing.source.rfind('/')), target, flags);
  }

  // userxattr: what a user namespace may write. A read-only overlay wants two layers, hence the empty one.
  void Overlay(const Showing& showing, const std::string& lower, const std::string& place) {
    std::string options = "userxattr\nlowerdir=" + lower;
    if (showing.how == Showing::How::kCopyOnWrite) {
      // Not one of the run's syncs reaches the disk, which is everybody's, nor does the end of the overlay; the keeper syncs the
      // outputs (src/record/outputs.cc).
      options += "\nvolatile";
      options += fmt::format("\nupperdir={}\nworkdir={}", StagePath("attempt/" + showing.upper),
                             StagePath("attempt/" + showing.scratch));
    } else {
      options += ":" + StagePath("empty");
    }
    AddFs(Op::kOverlay, place, options);
  }

  // Only where something shown would let it be seen.
  void MaskDirectory(const std::string& path) {
    for (const Showing& showing : request_.showings) {
      if (showing.how == Showing::How::kOwn || !IsBeneath(path, showing.source)) continue;
      const std::string inside = Relative(showing.target) + path.substr(showing.source.size());
      AttachFrom(StagePath("empty"), inside, kTreeReadOnly | kTreeOptional);
    }
  }

  void EnterRoot() {
    AddFs(Op::kDetach, kStage);
    AddFs(Op::kRemoveDir, kStage);
    AddFs(Op::kEnterRoot, "");
    AddFs(Op::kSealRoot, "");
  }

  void SetLimits() {
    if (request_.file_size_bytes > 0) {
      Add(Op::kRlimit, Layer::kDisk, "", fmt::format("{0} {0}", request_.file_size_bytes)).number = RLIMIT_FSIZE;
    }
  }

  void DropPrivileges() {
    std::vector<std::string> writable = {"/tmp", "/home/analysis", "/dev", "/proc"};
    for (const Showing& showing : request_.showings) {
      if (showing.how != Showing::How::kReadOnly) writable.push_back(showing.target);
    }
    Add(Op::kLandlock, Layer::kLandlock, "", Join(writable, "\n"));
    Add(Op::kDropCapabilities, Layer::kPrivileges);
    Add(Op::kNotDumpable, Layer::kPrivileges);
    Add(Op::kSeccomp, Layer::kSeccomp);
  }

  const HoodRequest& request_;
  HoodPlan plan_;
  bool ahead_ = true;
  int next_slot_ = 0;
  std::vector<int> system_slots_;
  std::vector<int> node_slots_;
  std::vector<int> showing_slots_;
  int etc_slot_ = -1;
  int attempt_slot_ = -1;
  std::vector<std::string> made_;
};

}  // namespace

HostLayout FindHostLayout() {
  HostLayout layout;
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/var/cache/fontconfig",
                           "/var/lib/texmf"}) {
    char target[256];
    const ssize_t length = readlink(path, target, sizeof target);
    if (length > 0) {
      layout.system.push_back({path, std::string(target, static_cast<size_t>(length))});
    } else if (access(path, R_OK | X_OK) == 0) {
      layout.system.push_back({path, ""});
    }
  }
  return layout;
}

HoodPlan PlanHood(const HoodRequest& request) {
  HoodPlan plan = Planner(request).Plan();
  const auto left_out = [&](const HoodStep& step) {
    const char* layer = kLayerNames[static_cast<size_t>(step.layer)];
    // The new root and its namespaces are one thing: a run without them would stand on the host itself.
    return step.layer != Layer::kFilesystem && std::find(request.without.begin(), request.without.end(), layer) != request.without.end();
  };
  std::erase_if(plan.steps, left_out);
  return plan;
}

}  // namespace fumehood
