#include "src/health/doctor.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/executor/local/disk_method.h"
#include "src/executor/local/trial_run.h"
#include "src/health/host_probes.h"
#include "src/health/mend.h"
#include "src/hood/kernel_calls.h"
#include "src/hood/landlock.h"
#include "src/runtime/find_runtime.h"
#include "src/sys/errno_error.h"
#include "src/sys/privilege.h"

namespace fumehood {
namespace {

constexpr const char* kInTrial = "made a run and asked the kernel: ";

bool Contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Layers that are missing are allowed to be, so that the others are seen.
AnalysisSpec TrialSpec() {
  AnalysisSpec spec;
  spec.name = "doctor";
  // Also shows that the runtime works: what every analysis imports in the end.
  spec.command = {"python3", "-c", "import json, hashlib, ctypes"};
  spec.timeout_seconds = 30;
  spec.grace_seconds = 1;
  spec.memory_limit_mb = 256;
  spec.allow_weaker.assign(std::begin(kHoodLayers), std::end(kHoodLayers));
  return spec;
}

Result<RunResult> TryHost(const Config& config, const Submitter& submitter) {
  FH_ASSIGN_OR_RETURN(TrialEnd end, MakeTrialRun(TrialSpec(), config, submitter));
  return std::move(end.result);
}

bool SetupFailed(const RunResult& run) { return run.reason == Reason::kSetupFailed || run.isolation.cgroup.empty(); }

class Doctor {
 public:
  Doctor(const Config& config, const Submitter& submitter)
      : config_(config), privileged_(IsPrivileged()), refused_(RefusedCalls()), trial_(TryHost(config, submitter)) {
    ran_ = trial_.has_value() && !SetupFailed(*trial_);
  }

  DoctorReport Examine() {
    Kernel();
    State();
    Cgroups();
    Namespaces();
    Filesystem();
    Privileges();
    Seccomp();
    Landlock();
    Network();
    Disk();
    PythonRuntime();
    if (!ran_ && trial_) report_.trial_failure = trial_->completion_notes;
    report_.enforceable = ran_ && std::all_of(report_.layers.begin(), report_.layers.end(), [](const LayerReport& l) { return l.good; });
    return std::move(report_);
  }

 private:
  void Good(const std::string& layer, std::string found) { report_.layers.push_back({layer, true, std::move(found), ""}); }
  void Bad(const std::string& layer, std::string found, std::string mend) {
    report_.layers.push_back({layer, false, std::move(found), std::move(mend)});
  }

  std::string WhyNoTrial() const { return trial_ ? trial_->completion_notes : "see the state directory above"; }

  void Kernel() {
    if (refused_.empty()) return Good("kernel", "made every call that the hood is put up with");
    std::vector<std::string> calls;
    for (const RefusedCall& call : refused_) calls.push_back(fmt::format("{} ({}: {})", call.name, call.layer, ErrnoText(call.error)));
    Bad("kernel", "tried the calls that the hood is put up with, and was refused " + Join(calls, ", "), MendCalls(refused_));
  }

  void Cgroups() {
    const auto place = FindCgroupPlace(config_.cgroup_parent);
    const auto held = place ? TryCgroups(*place) : Result<std::vector<std::string>>(place.error());
    for (const char* controller : {"memory", "cpu", "pids"}) {
      if (!held) {
        Bad(controller, "made a cgroup with limits: " + held.error().message(), MendCgroups(""));
      } else if (!Contains(*held, controller)) {
        const auto why = place->missing.find(controller);
        const std::string missing = why != place->missing.end() ? why->second : place->how;
        Bad(controller, missing, MendCgroups(missing));
      } else if (ran_ && !Contains(trial_->isolation.controllers, controller)) {
        Bad(controller, std::string(kInTrial) + "no limit was in force", MendCgroups(""));
      } else if (place->needs_scope && !ran_) {
        Bad(controller, "systemd would have to make a scope, and no run could be made to see it: " + WhyNoTrial(), MendCgroups(""));
      } else {
        Good(controller, fmt::format("set a limit in a cgroup and read it back ({}, {})", place->version == CgroupVersion::kV2 ? "v2" : "v1",
                                     place->how));
      }
    }
  }

  void Namespaces() {
    // The probes are ended with some of these calls, and would otherwise stay.
    if (!refused_.empty()) return Bad("namespaces", "could not be tried: see the kernel above", kMendOthersFirst);
    std::vector<std::string> refused;
    std::string why;
    for (const auto& [name, answer] : TryNamespaces(privileged_)) {
      const bool optional = name == "time";  // left out where a kernel has none: it hides the time since boot, no more
      if (answer.empty() || optional) continue;
      refused.push_back(name);
      why = answer;
    }
    if (!refused.empty()) return Bad("namespaces", fmt::format("cloned a process into each: {} refused ({})", Join(refused, ", "), why), MendNamespaces());
    if (!ran_) return Good("namespaces", "cloned a process into each");
    const std::vector<std::string>& had = trial_->isolation.namespaces;
    for (const char* name : kNamespaceNames) {
      if (std::string_view(name) == "time" || Contains(had, name)) continue;
      return Bad("namespaces", fmt::format("{}it had no {} namespace of its own", kInTrial, name), kMendReport);
    }
    Good("namespaces", "cloned a process into each; a run had " + Join(had, ", "));
  }

  void Filesystem() {
    if (ran_ && trial_->isolation.filesystem == "overlay") return Good("filesystem", std::string(kInTrial) + "new root, work directory by overlay");
    if (!trial_) return Bad("filesystem", "no run could be made to see it: " + WhyNoTrial(), kMendOthersFirst);
    const std::string id_mapping = privileged_ ? TryIdMapping() : "";
    if (!id_mapping.empty()) return Bad("filesystem", "made an id-mapped mount's namespace: " + id_mapping, MendNamespaces());
    Bad("filesystem", "made a run: " + (ran_ ? "its work directory was no overlay" : WhyNoTrial()), MendFilesystem());
  }

  void Privileges() {
    if (!ran_) return Bad("privileges", "no run could be made to see it: " + WhyNoTrial(), kMendOthersFirst);
    const Isolation& seen = trial_->isolation;
    if (seen.no_new_privs && seen.no_capabilities) return Good("privileges", std::string(kInTrial) + "no capability, no way to new ones");
    Bad("privileges", std::string(kInTrial) + "it kept privileges", kMendReport);
  }

  void Seccomp() {
    const std::string why = TrySeccomp();
    if (!why.empty()) return Bad("seccomp", "loaded the filter in a child: " + why, kMendKernel);
    if (ran_ && !trial_->isolation.seccomp) return Bad("seccomp", std::string(kInTrial) + "no filter was in force", kMendReport);
    Good("seccomp", "loaded the system call filter in a child");
  }

  void Landlock() {
    const std::string why = TryLandlock();
    if (!why.empty()) return Bad("landlock", why, MendLandlock());
    if (ran_ && trial_->isolation.landlock_abi < kLowestLandlockAbi) return Bad("landlock", std::string(kInTrial) + "it was not in force", kMendReport);
    Good("landlock", fmt::format("closed a child in, by version {}", LandlockAbi()));
  }

  void Network() {
    if (ran_ && trial_->isolation.network == "none") return Good("network", std::string(kInTrial) + "a network of its own, with nothing in it");
    Bad("network", "made a run: " + (ran_ ? "it saw the host's network" : WhyNoTrial()), ran_ ? kMendReport : kMendOthersFirst);
  }

  void Disk() {
    if (!ran_) return Bad("disk", "no run could be made to see it: " + WhyNoTrial(), kMendOthersFirst);
    const std::string& method = trial_->isolation.disk;
    if (method.empty() || method == "none") return Bad("disk", std::string(kInTrial) + "nothing bounds what it writes", kMendReport);
    if (method == "quota") return Good("disk", std::string(kInTrial) + "held by a project quota of the file system");
    const std::string why = WhyNoDiskQuota(config_.state_dir, privileged_);
    const std::string mend = privileged_ ? MendDiskQuota(config_.state_dir) : "start runs as root";
    if (config_.disk_method == "quota") return Bad("disk", std::string(kInTrial) + "no project quota, which disk_method wants: " + why, mend);
    std::string found = std::string(kInTrial) + "bounded by sampling, with a bound for each file";
    if (privileged_ && config_.disk_method == "auto") found += fmt::format(". Exact with a project quota, but {}; for one: {}", why, mend);
    Good("disk", std::move(found));
  }

  void State() {
    if (trial_) return Good("state", "made and removed a run in " + Quoted(config_.state_dir));
    if (!refused_.empty()) return Bad("state", "no run could be made to see it", kMendOthersFirst);
    Bad("state", trial_.error().message(), MendState(config_.state_dir));
  }

  void PythonRuntime() {
    const auto runtime = FindRuntime(Catalog(config_.state_dir), "python3");
    if (!runtime) return Bad("runtime", runtime.error().message(), "sudo apt-get install python3");
    if (!ran_) return Bad("runtime", "no run could be made to try python3: " + WhyNoTrial(), kMendOthersFirst);
    if (trial_->status == RunStatus::kCompleted) return Good("runtime", "python3 ran under the hood: " + runtime->interpreter);
    Bad("runtime", "python3 under the hood: " + trial_->completion_notes, "sudo apt-get install --reinstall python3");
  }

  const Config& config_;
  const bool privileged_;
  const std::vector<RefusedCall> refused_;
  Result<RunResult> trial_;
  bool ran_ = false;
  DoctorReport report_;
};

}  // namespace

DoctorReport ExamineHost(const Config& config, const Submitter& submitter) { return Doctor(config, submitter).Examine(); }

}  // namespace fumehood
