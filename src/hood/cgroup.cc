#include "src/hood/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "src/base/text.h"
#include "src/hood/cgroup_file.h"
#include "src/hood/cgroup_mounts.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Result<void> RequireName(const std::string& name) {
  if (!name.empty() && name[0] != '.' && name.find('/') == std::string::npos && name.find('\n') == std::string::npos) return {};
  return Error(ErrorCode::kInvalidArgument, "a cgroup cannot be called " + Quoted(name));
}

// A limit that was asked for and cannot be had must not pass in silence.
Result<void> RequireControllers(const CgroupPlace& place, const CgroupLimits& limits) {
  std::string problems;
  const auto require = [&](bool wanted, const char* controller) {
    if (!wanted || HasWord(place.controllers, controller)) return;
    const auto why = place.missing.find(controller);
    if (!problems.empty()) problems += "; ";
    problems.append(controller).append(" cannot be limited: ").append(why != place.missing.end() ? why->second : place.how);
  };
  require(limits.memory_bytes > 0, "memory");
  require(limits.cpu_quota > 0, "cpu");
  require(limits.pids_max > 0, "pids");
  if (problems.empty()) return {};
  return Error(ErrorCode::kUnsupported, problems);
}

Result<Fd> OpenRunsDirectory(const std::string& parent) {
  auto opened = OpenDir(kHere, parent);
  if (opened || opened.error().code() != ErrorCode::kNotFound) return opened;
  // The first run here makes it; another keeper may be doing the same just now.
  const Result<void> made = MakeDir(kHere, parent, 0755);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
  return OpenDir(kHere, parent);
}

Result<Fd> OpenMade(const Fd& parent_dir, const std::string& name) {
  auto opened = OpenDir(parent_dir.get(), name);
  if (!opened) (void)unlinkat(parent_dir.get(), name.c_str(), AT_REMOVEDIR);  // not yet one that Remove knows
  return opened;
}

}  // namespace

Result<RunCgroup> RunCgroup::Create(const CgroupPlace& place, const std::string& name, const CgroupLimits& limits) {
  FH_TRY(RequireControllers(place, limits));  // before anything is made
  FH_ASSIGN_OR_RETURN(RunCgroup run, Create(place, name));
  Result<void> limited = run.SetLimits(limits);
  if (limited) return run;
  (void)run.Remove();  // the first error is the one to tell
  return std::move(limited).error();
}

Result<void> RunCgroup::SetLimits(const CgroupLimits& limits) {
  FH_TRY(RequireControllers(place_, limits));
  Result<void> limited = version_ == CgroupVersion::kV2 ? LimitV2(limits) : LimitV1(limits);
  if (!limited) return std::move(limited).error().Within("limit the cgroup of run " + Quoted(name_));
  return {};
}

Result<RunCgroup> RunCgroup::Create(const CgroupPlace& place, const std::string& name) {
  FH_TRY(RequireName(name));
  if (place.version == CgroupVersion::kNone) return Error(ErrorCode::kUnsupported, "no cgroup for the run: " + place.how);
  if (place.version == CgroupVersion::kV2 && place.v2_parent.empty()) {
    return Error(ErrorCode::kInternal, "a run's cgroup was asked for before the scope that it goes into was entered");
  }
  RunCgroup run;
  run.version_ = place.version;
  run.place_ = place;
  run.name_ = name;
  Result<void> made = place.version == CgroupVersion::kV2 ? run.CreateV2(place.v2_parent) : run.CreateV1(place);
  if (!made) {
    (void)run.Remove();  // of what was made so far; the first error is the one to tell
    return std::move(made).error().Within("make the cgroup of run " + Quoted(name));
  }
  return run;
}

Result<std::optional<RunCgroup>> RunCgroup::Find(const CgroupPlace& place, const std::string& name) {
  FH_TRY(RequireName(name));
  RunCgroup run;
  run.version_ = place.version;
  run.name_ = name;
  std::map<std::string, std::string> parents = place.v1_parents;
  if (!place.v2_parent.empty()) parents["v2"] = place.v2_parent;
  if (!place.v2_kill_parent.empty()) parents["v2"] = place.v2_kill_parent;
  for (const auto& [hierarchy, parent] : parents) {
    const std::string path = JoinPath(parent, name);
    auto opened = OpenDir(kHere, path);
    if (!opened && opened.error().code() == ErrorCode::kNotFound) continue;
    if (!opened) return std::move(opened).error();
    const bool v2 = hierarchy == "v2";
    FH_TRY(RequireCgroupFs(opened->get(), v2 ? CgroupVersion::kV2 : CgroupVersion::kV1, path));
    run.paths_[hierarchy] = path;
    (v2 ? run.v2_dir_ : run.v1_dirs_[path]) = std::move(opened).value();
  }
  if (run.paths_.empty()) return std::optional<RunCgroup>();
  return std::optional<RunCgroup>(std::move(run));
}

Result<Fd> RunCgroup::MakeDirectory(const std::string& parent, CgroupVersion version) {
  FH_ASSIGN_OR_RETURN(const Fd parent_dir, OpenRunsDirectory(parent));
  FH_TRY(RequireCgroupFs(parent_dir.get(), version, parent));
  if (mkdirat(parent_dir.get(), name_.c_str(), 0755) != 0) {
    const int error = errno;
    // An empty parent may be tidied away at any time, as late as now.
    if (error == ENOENT) return MakeInNewParent(parent);
    return ErrnoError(error, "make directory " + Quoted(JoinPath(parent, name_)));
  }
  return OpenMade(parent_dir, name_);
}

Result<Fd> RunCgroup::MakeInNewParent(const std::string& parent) const {
  FH_ASSIGN_OR_RETURN(const Fd parent_dir, OpenRunsDirectory(parent));
  FH_TRY(MakeDir(parent_dir.get(), name_, 0755));
  return OpenMade(parent_dir, name_);
}

int RunCgroup::clone_fd() const { return v2_dir_.get(); }

Result<Fd> RunCgroup::OpenV2Procs() const { return OpenAt(v2_dir_.get(), kProcs, O_WRONLY); }

RunCgroup::WakeFd RunCgroup::memory_events() const { return {memory_events_.get(), version_ == CgroupVersion::kV2}; }

RunCgroup::WakeFd RunCgroup::pids_events() const { return {pids_events_.get(), true}; }

Result<CgroupUsage> RunCgroup::Read() {
  CgroupUsage usage;
  if (version_ == CgroupVersion::kV2) {
    ReadV2(usage);
  } else {
    ReadV1(usage);
  }
  return usage;
}

int RunCgroup::V1Dir(const std::string& controller) const {
  const auto path = paths_.find(controller);
  return path == paths_.end() ? -1 : v1_dirs_.at(path->second).get();
}

}  // namespace fumehood
